//! Which letters a person wants.

use super::Person;
use crate::accounts::LetterKind;
use crate::accounts::server::store::letters;
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::UserId;

/// Somebody who gets letters.
pub struct LetterRecipient {
    pub email: String,
    pub unwanted: Vec<LetterKind>,
}

/// Returns None when the person is disabled.
pub async fn letter_recipient(write: &mut Write, user: UserId) -> Result<Option<LetterRecipient>, Error> {
    let Some(email) = letters::address(write, user).await? else { return Ok(None) };
    let unwanted = letters::unwanted(&mut **write, user).await?;
    Ok(Some(LetterRecipient { email, unwanted }))
}

pub async fn unwanted_letters(app: &App, person: &Person) -> Result<Vec<LetterKind>, Error> {
    Ok(letters::unwanted(app.db.pool(), person.id).await?)
}

/// Stores which letters the person wants. Others are no longer sent. A choice that changes nothing writes no audit row.
pub async fn choose_letters(app: &App, by: &By, person: &Person, wanted: &[LetterKind]) -> Result<(), Error> {
    let unwanted: Vec<LetterKind> =
        LetterKind::ALL.into_iter().filter(|letter| !wanted.contains(letter)).collect();
    let mut write = app.db.write().await?;
    let old = letters::unwanted(&mut *write, person.id).await?;
    if old.len() == unwanted.len() && old.iter().all(|letter| unwanted.contains(letter)) {
        return Ok(());
    }
    letters::set_unwanted(&mut write, person.id, &unwanted).await?;
    let names: Vec<&str> = unwanted.iter().map(|letter| letter.as_str()).collect();
    let event = Event::new("letters.chosen").on("person", person.id, &person.email);
    audit::record(app, &mut write, by, event.detail("unwanted", names)).await?;
    write.commit().await?;
    Ok(())
}
