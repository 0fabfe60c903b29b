//! `latchkey admin …`: commands that work on the server's database, whether or not the server is running.

use std::path::PathBuf;

use clap::Subcommand;

use crate::accounts::server::{new_setup_link, print_reset_link, set_enabled};
use crate::orgs::server::without_owner;
use crate::platform::config::Sources;
use crate::platform::db::{self, Db, Opener};
use crate::platform::process::FatalError;
use crate::platform::{App, Assets, Clock, Config, Random};
use crate::server;

#[derive(Subcommand)]
pub enum Task {
    /// Bring the tables up to date, as the server does at its start
    Migrate,
    /// Write a consistent copy while the server runs
    Backup {
        /// File to write; must not exist
        target: PathBuf,
    },
    /// Check that the database is not damaged
    Check,
    /// Print a new link for the first account, while there is none
    SetupLink,
    /// Print a link with which a person sets a new password
    ResetPassword {
        email: String,
        /// Also turn their second factor off: the phone and the recovery codes are lost
        #[arg(long)]
        remove_second_factor: bool,
    },
    /// Stop a person from signing in and sign them out everywhere
    DisableUser { email: String },
    /// Let a disabled person sign in again
    EnableUser { email: String },
}

pub async fn run(sources: &Sources, task: Task) -> Result<(), FatalError> {
    let config = Config::read(sources)?;
    let db = Db::open(&config.database, Opener::Tool).await?;
    let url = config.database.database_url.clone();
    let random = Random::system();
    let slices = server::slices(&random);
    let app = App::new(config, db, Clock::system(), random, Assets::none(), slices);
    match task {
        Task::Migrate => println!("{url}: the tables are up to date"),
        Task::Backup { target } => {
            db::backup(&app.db, &target).await?;
            println!("wrote {}", target.display());
            // Not an error, because the copy is complete. Only its time is missing from the metrics.
            if let Err(error) = app.db.record_backup(app.clock.now()).await {
                eprintln!("latchkey: the time of this backup could not be stored for the metrics: {error}");
            }
        }
        Task::Check => {
            for finding in db::check(&app.db).await? {
                println!("{finding}");
            }
        }
        Task::SetupLink => {
            let link = new_setup_link(&app).await?.ok_or("there are accounts already: ask one of their owners for an invitation, or use reset-password".to_owned())?;
            println!("{link}");
        }
        Task::ResetPassword { email, remove_second_factor } => {
            let link =
                print_reset_link(&app, &email, remove_second_factor).await?.ok_or_else(|| unknown(&email))?;
            println!("{link}\nThe link works once, within an hour.");
        }
        Task::DisableUser { email } => set(&app, &email, false).await?,
        Task::EnableUser { email } => set(&app, &email, true).await?,
    }
    app.db.close().await;
    Ok(())
}

fn unknown(email: &str) -> FatalError {
    FatalError::from(format!("nobody here has the address {email}"))
}

async fn set(app: &App, email: &str, enabled: bool) -> Result<(), FatalError> {
    let state = if enabled { "enabled" } else { "disabled" };
    match set_enabled(app, email, enabled).await? {
        Some(true) => println!("{email} is {state}"),
        Some(false) => println!("{email} was {state} already"),
        None => return Err(unknown(email)),
    }
    if !enabled {
        for org in without_owner(app, email).await? {
            eprintln!(
                "warning: {org} has no owner left who can sign in; 'latchkey admin enable-user {email}' undoes this"
            );
        }
    }
    Ok(())
}
