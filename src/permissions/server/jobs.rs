//! Stores when queries last used each permission.

use std::collections::HashMap;
use std::sync::Arc;

use super::{PermissionCache, store};
use crate::platform::{App, Error};

pub async fn write_query_times(app: &App) -> Result<(), Error> {
    let lists = app.slice::<Arc<PermissionCache>>().all();
    let asked: HashMap<_, _> = lists.iter().flat_map(|list| list.unstored_query_times()).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut write = app.db.write().await?;
    for (id, at) in &asked {
        store::set_asked_at(&mut write, *id, *at).await?;
    }
    write.commit().await?;
    lists.iter().for_each(|list| list.mark_stored(&asked));
    Ok(())
}
