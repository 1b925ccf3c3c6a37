//! The handlers that write. Each purges the pages that it changes.

use std::collections::BTreeSet;

use actix_web::{
    Responder, Result, post,
    web::{self, Redirect},
};
use cache_page::{PageCache, purge_page};

use super::{
    login::{Confirmation, User},
    pages::not_found,
    posts::{Db, Draft, insert, query, remove, update},
};

/// `#[purge_page]` purges if the handler succeeds. A rejected draft purges nothing.
#[post("/posts")]
#[purge_page(tags = ["posts"])]
pub(crate) async fn create(
    user: User,
    draft: web::Form<Draft>,
    db: web::Data<Db>,
    cache: PageCache,
) -> Result<impl Responder> {
    user.check(&draft.csrf)?;
    let draft = draft.into_inner().checked()?;
    let (id, tags) = query(&db, move |db| insert(db, &draft)).await?;
    purge(&cache, &tags).await?;
    Ok(Redirect::to(format!("/posts/{id}")).see_other())
}

#[post("/posts/{id:[1-9][0-9]*}")]
#[purge_page(tags = ["posts", "post:{id}"])]
pub(crate) async fn change(
    user: User,
    id: web::Path<i64>,
    draft: web::Form<Draft>,
    db: web::Data<Db>,
    cache: PageCache,
) -> Result<impl Responder> {
    user.check(&draft.csrf)?;
    let (id, draft) = (id.into_inner(), draft.into_inner().checked()?);
    let tags = query(&db, move |db| update(db, id, &draft)).await?.ok_or_else(not_found)?;
    purge(&cache, &tags).await?;
    Ok(Redirect::to(format!("/posts/{id}")).see_other())
}

#[post("/posts/{id:[1-9][0-9]*}/delete")]
#[purge_page(tags = ["posts", "post:{id}"])]
pub(crate) async fn delete(
    user: User,
    id: web::Path<i64>,
    form: web::Form<Confirmation>,
    db: web::Data<Db>,
    cache: PageCache,
) -> Result<impl Responder> {
    user.check(&form.csrf)?;
    let id = id.into_inner();
    let tags = query(&db, move |db| remove(db, id)).await?.ok_or_else(not_found)?;
    purge(&cache, &tags).await?;
    Ok(Redirect::to("/").see_other())
}

/// Purges the pages of tags that are only known from the database.
///
/// Must be called after the change is committed. A page that is generated from then on shows the change, and one whose
/// handler is still running is not stored.
async fn purge(cache: &PageCache, tags: &BTreeSet<String>) -> Result<()> {
    // A purge takes effect in this process when it is called. All are called before the first `await`, because the client
    // may disconnect there.
    let purges: Vec<_> = tags.iter().map(|tag| cache.purge_tag(&format!("tag:{tag}"))).collect();
    for purge in purges {
        purge.await?;
    }
    Ok(())
}
