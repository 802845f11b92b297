//! Inviting people, and what an admin may change about them.

use crate::accounts::{hidden, path_of};
use app::domain::{Grant, Role};
use tests::{Answer, PASSWORD, each_db};
use time::Duration;

/// The one-time link that a page shows.
fn link_in(page: &Answer) -> String {
    let text = page.text();
    let from = text.find("/welcome/").expect("the page shows a link");
    let end = text[from..].find('<').expect("it ends");
    text[from..from + end].to_owned()
}

each_db!(an_invited_person_sets_a_password_once_and_is_in, |server| {
    server.team("ranking").await;
    let admin = server.signed_in(Role::Admin).await;
    let form = [
        ("name", "Bo <b>Ek</b>"),
        ("email", "bo@example.org"),
        ("role", "engineer"),
        ("team", "ranking"),
        ("functions", "product"),
    ];
    let page = admin.post("/people/new", &form).await;
    page.assert_status(200).assert_contains("engineer").assert_contains("One-time link");
    page.assert_contains("Bo &lt;b&gt;Ek&lt;/b&gt;").assert_lacks("<b>Ek");
    let path = link_in(&page);

    let bo = server.visitor();
    bo.get(&path).await.assert_status(200).assert_contains("bo@example.org").assert_lacks("<b>Ek");
    let short = [("password", "short"), ("again", "short")];
    bo.post(&path, &short).await.assert_status(422).assert_contains("at least 12 characters");
    let set = [("password", PASSWORD), ("again", PASSWORD)];
    bo.post(&path, &set).await.assert_redirect("/");
    bo.get("/account").await.assert_contains("engineer in ranking").assert_contains("product");

    let again = server.visitor();
    again.post(&path, &set).await.assert_status(410);
    again.get(&path).await.assert_status(410);
    server.log_in("bo@example.org").await;
});

each_db!(an_invitation_is_checked_field_by_field_and_keeps_what_was_typed, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (_, taken) = server.somebody(None).await;
    let bad = [("name", ""), ("email", "x"), ("role", "boss"), ("team", "nowhere")];
    let page = admin.post("/people/new", &bad).await;
    page.assert_status(422).assert_contains("4 things need a look").assert_contains("nowhere");
    let form = [("name", "Twin"), ("email", taken.as_str()), ("role", ""), ("team", "")];
    let page = admin.post("/people/new", &form).await;
    page.assert_status(422).assert_contains("has an account already").assert_contains("Twin");
});

each_db!(a_link_dies_after_an_hour_and_when_another_is_made, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (cy, email) = server.somebody(None).await;
    let visitor = server.visitor();
    let first = link_in(&admin.post(&format!("/people/{cy}/link"), &[]).await);
    let second = link_in(&admin.post(&format!("/people/{cy}/link"), &[]).await);
    visitor.get(&first).await.assert_status(410);
    visitor.get(&second).await.assert_status(200).assert_contains("Set a new password");
    server.app.clock.advance(Duration::HOUR);
    visitor.get(&second).await.assert_status(410);
    let set = [("password", "another good one"), ("again", "another good one")];
    visitor.post(&second, &set).await.assert_status(410);
    server.log_in(&email).await;
});

each_db!(a_role_taken_back_and_a_role_given_count_from_the_next_request_on, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (dee, email) = server.somebody(None).await;
    let client = server.log_in(&email).await;
    client.get("/teams").await.assert_status(403);
    let role = [("role", "viewer"), ("team", "")];
    let person = format!("/people/{dee}");
    admin.post(&format!("{person}/roles"), &role).await.assert_redirect(&person);
    client.get("/teams").await.assert_status(200);
    client.get("/people").await.assert_status(403);
    admin.post(&format!("{person}/roles/revoke"), &role).await.assert_redirect(&person);
    client.get("/teams").await.assert_status(403);
});

each_db!(disabling_somebody_shuts_them_out_at_once_and_enabling_lets_them_log_in_again, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (eli, email) = server.somebody(Some(Grant { role: Role::Lead, team: None })).await;
    let client = server.log_in(&email).await;
    let link = link_in(&admin.post(&format!("/people/{eli}/link"), &[]).await);
    admin.post(&format!("/people/{eli}/disable"), &[]).await.assert_status(303);
    client.get("/account").await.assert_redirect("/login?next=%2Faccount");
    server.visitor().get(&link).await.assert_status(410);
    admin
        .post(&format!("/people/{eli}/disable"), &[])
        .await
        .assert_status(409)
        .assert_contains("disabled already");
    admin.post(&format!("/people/{eli}/enable"), &[]).await.assert_status(303);
    client.get("/account").await.assert_redirect("/login?next=%2Faccount");
    server.log_in(&email).await;
});

each_db!(the_last_admin_stays_one, |server| {
    let grant = Some(Grant { role: Role::Admin, team: None });
    let (fay, email) = server.somebody(grant).await;
    let client = server.log_in(&email).await;
    let admin = [("role", "admin"), ("team", "")];
    let own = format!("/people/{fay}");
    for attempt in ["roles/revoke", "disable"] {
        let page = client.post(&format!("{own}/{attempt}"), &admin).await;
        page.assert_status(409).assert_contains("last admin");
    }
    let (gus, _) = server.somebody(grant).await;
    client.post(&format!("/people/{gus}/disable"), &[]).await.assert_status(303);
    client.post(&format!("{own}/roles/revoke"), &admin).await.assert_status(409);
    client.post(&format!("/people/{gus}/enable"), &[]).await.assert_status(303);
    client.post(&format!("{own}/roles/revoke"), &admin).await.assert_redirect(&own);
    client.get("/people").await.assert_status(403);
});

each_db!(two_admins_who_disable_each_other_at_the_same_moment_leave_one, |server| {
    let grant = Some(Grant { role: Role::Admin, team: None });
    let (ann, ann_email) = server.somebody(grant).await;
    let (bo, bo_email) = server.somebody(grant).await;
    let (one, two) = (server.log_in(&ann_email).await, server.log_in(&bo_email).await);
    let (at_bo, at_ann) = (format!("/people/{bo}/disable"), format!("/people/{ann}/disable"));
    tests::at_once([one.post(&at_bo, &[]), two.post(&at_ann, &[])]).await;
    let mut left = 0;
    for person in [ann, bo] {
        let person = server.app.store.person(person).await.expect("reads").expect("exists");
        left += usize::from(person.disabled_at.is_none());
    }
    assert_eq!(left, 1);
});

each_db!(a_role_is_given_once_and_an_admin_is_one_everywhere, |server| {
    server.team("ads").await;
    let admin = server.signed_in(Role::Admin).await;
    let (hal, _) = server.somebody(None).await;
    let roles = format!("/people/{hal}/roles");
    for team in ["", "ads"] {
        let role = [("role", "lead"), ("team", team)];
        admin.post(&roles, &role).await.assert_status(303);
        admin.post(&roles, &role).await.assert_status(409).assert_contains("already");
    }
    admin
        .post(&roles, &[("role", "admin"), ("team", "ads")])
        .await
        .assert_status(422)
        .assert_contains("an admin is one everywhere");
});

each_db!(the_second_of_two_editors_is_told_what_the_first_wrote, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (ida, email) = server.somebody(None).await;
    let person = format!("/people/{ida}");
    let version = hidden(&admin.get(&person).await.text(), "version");
    let edit = |name| [("name", name), ("email", email.as_str()), ("version", version.as_str())];
    admin.post(&person, &edit("Ida One")).await.assert_redirect(&person);
    let told = admin.post(&person, &edit("Ida Two")).await;
    told.assert_status(409)
        .assert_contains("it is now Ida One")
        .assert_contains("value=\"Ida Two\"");
    let newer = hidden(&told.text(), "version");
    let form = [("name", "Ida Two"), ("email", email.as_str()), ("version", newer.as_str())];
    admin.post(&person, &form).await.assert_redirect(&person);
    admin.get(&person).await.assert_contains("Ida Two");
});

each_db!(the_list_is_searched_filtered_sorted_and_paged_by_its_url, |server| {
    let team = server.team("search").await;
    let admin = server.signed_in(Role::Admin).await;
    for i in 0..60 {
        let grant = (i % 2 == 0).then_some(Grant { role: Role::Engineer, team: Some(team) });
        server.person(&format!("p{i:02}@example.org"), &format!("Person {i:02}"), grant).await;
    }
    server.person("emile@example.org", "Émile 100%_", None).await;

    let page = admin.get("/people").await;
    page.assert_contains("showing 1–50 of 62").assert_contains("rel=\"next\"");
    admin.get("/people?page=2").await.assert_contains("showing 51–62 of 62");
    admin.get("/people?page=9").await.assert_contains("showing 0 of 62");
    admin.get("/people?q=%C3%89MILE").await.assert_contains("showing 1–1 of 1");
    admin.get("/people?q=%25_").await.assert_contains("showing 1–1 of 1");
    admin.get("/people?team=search&role=engineer").await.assert_contains("showing 1–30 of 30");
    admin.get("/people?role=reviewer").await.assert_contains("Nobody matches");
    admin.get("/people?status=disabled").await.assert_contains("Nobody matches");

    let down = admin.get("/people?sort=-email&q=Person").await.text();
    let (last, first) = (down.find("Person 59"), down.find("Person 58"));
    assert!(last.expect("shown") < first.expect("shown"));
    assert!(down.contains("aria-sort=\"descending\""));
});

each_db!(only_an_admin_sees_people, |server| {
    let (ida, _) = server.somebody(None).await;
    for role in Role::ALL.iter().filter(|role| **role != Role::Admin) {
        let client = server.signed_in(*role).await;
        client.get("/people").await.assert_status(403);
        client.get(&format!("/people/{ida}")).await.assert_status(403);
        client.post(&format!("/people/{ida}/disable"), &[]).await.assert_status(403);
        client
            .post("/people/new", &[("name", "X"), ("email", "x@example.org")])
            .await
            .assert_status(403);
    }
});

each_db!(every_change_to_a_person_is_in_the_audit_log, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (jo, _) = server.somebody(None).await;
    let person = format!("/people/{jo}");
    let before = server.app.store.audit_head().await.expect("the head").size;
    let role = [("role", "viewer"), ("team", "")];
    for (what, form) in [
        ("roles", &role[..]),
        ("roles/revoke", &role[..]),
        ("functions", &[("functions", "trust_safety")][..]),
        ("functions", &[][..]),
        ("link", &[][..]),
        ("sessions/end", &[][..]),
        ("disable", &[][..]),
        ("enable", &[][..]),
    ] {
        let answer = admin.post(&format!("{person}/{what}"), form).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{what}");
    }
    let entries = server.app.store.audit_entries(before, 100).await.expect("the log");
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "role.granted",
            "role.revoked",
            "function.granted",
            "function.revoked",
            "person.link_made",
            "person.sessions_ended",
            "person.disabled",
            "person.enabled",
        ]
    );
    assert!(entries.iter().all(|entry| entry.actor_id.is_some()));
});

each_db!(the_link_that_is_shown_begins_where_people_reach_the_server, |server| {
    let admin = server.signed_in(Role::Admin).await;
    let (kim, _) = server.somebody(None).await;
    let page = admin.post(&format!("/people/{kim}/link"), &[]).await;
    let base = server.app.base_url();
    let from = page.text().find(&format!("{base}/welcome/")).expect("the whole link");
    let link: String = page.text()[from..].chars().take_while(|c| *c != '<').collect();
    server.visitor().get(&path_of(&link)).await.assert_status(200);
});
