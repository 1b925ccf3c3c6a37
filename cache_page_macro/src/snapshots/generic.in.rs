#[cache_page(60)]
async fn page<'a, R, const N: usize>(repo: web::Data<R>) -> Either<impl Responder + use<R, N>, &'static str>
where
    R: Repo,
{
    Either::Left(repo.page::<N>())
}
