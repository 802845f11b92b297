//! Log-in, log-out and sessions.

use app::domain::Role;
use tests::each_db;

each_db!(whoever_logs_out_is_out_also_with_the_old_cookie, |server| {
    let ann = server.signed_in(Role::Engineer).await;
    let cookie = ann.cookie("evenhand").expect("a session");
    ann.post("/logout", &[]).await.assert_redirect("/login");
    assert_eq!(ann.cookie("evenhand"), None);

    let thief = server.visitor();
    thief.set_cookie("evenhand", &cookie);
    thief.post("/logout", &[]).await.assert_redirect("/login?next=%2F");
});
