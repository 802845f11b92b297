//! Who reaches which route: every route with every kind of person and token.

use app::domain::token::TokenScope;
use app::domain::{Grant, Permission, Role, Scope};
use axum::body::Body;
use axum::http::{Method, Request, header};
use server::auth::Actor;
use server::http::Access;
use tests::{Answer, Client, TEAM, TestServer, each_db};

/// Whoever may come.
enum Who {
    Visitor,
    /// Signed in, with at most one role everywhere.
    Person(Option<Role>),
    /// Signed in, and disabled since.
    Disabled,
    /// With the scope `read` and this one.
    Token(Role, TokenScope),
    /// With every scope, of somebody who is disabled since.
    DisabledToken,
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Visitor => f.write_str("a visitor"),
            Self::Person(None) => f.write_str("a person without a role"),
            Self::Person(Some(role)) => write!(f, "a person: {role}"),
            Self::Disabled => f.write_str("a disabled admin"),
            Self::Token(role, scope) => write!(f, "a token of: {role}, {}", scope.as_str()),
            Self::DisabledToken => f.write_str("a token of a disabled lead"),
        }
    }
}

fn everybody() -> Vec<Who> {
    let mut all = vec![Who::Visitor, Who::Person(None), Who::Disabled, Who::DisabledToken];
    all.extend(Role::ALL.iter().map(|role| Who::Person(Some(*role))));
    for role in [Role::Admin, Role::Lead, Role::Viewer] {
        all.extend(TokenScope::ALL.iter().map(|scope| Who::Token(role, *scope)));
    }
    all
}

impl Who {
    async fn client(&self, server: &TestServer) -> Client {
        let grant = |role| Some(Grant { role, team: None });
        match self {
            Self::Visitor => server.visitor(),
            Self::Person(role) => {
                let email = server.somebody(role.and_then(grant)).await.1;
                server.log_in(&email).await
            }
            Self::Disabled => {
                let (id, email) = server.somebody(grant(Role::Admin)).await;
                let client = server.log_in(&email).await;
                disable(server, id).await;
                client
            }
            Self::Token(role, scope) => server.token(*role, &[TokenScope::Read, *scope]).await,
            Self::DisabledToken => {
                let id = server.somebody(grant(Role::Lead)).await.0;
                let token = server.token_of(id, TokenScope::ALL, None).await;
                disable(server, id).await;
                server.visitor().with_token(&token)
            }
        }
    }

    fn is_token(&self) -> bool {
        matches!(self, Self::Token(..) | Self::DisabledToken)
    }

    /// Whether the server knows them, on a page or on the API.
    fn is_known(&self, is_api: bool) -> bool {
        match self {
            Self::Visitor | Self::Disabled | Self::DisabledToken => false,
            Self::Person(_) => true,
            Self::Token(..) => is_api,
        }
    }

    fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Person(Some(role)) => role.may(permission),
            Self::Token(role, scope) => {
                let carried = permission.token_scope();
                role.may(permission)
                    && (carried == Some(TokenScope::Read) || carried == Some(*scope))
            }
            Self::Visitor | Self::Person(None) | Self::Disabled | Self::DisabledToken => false,
        }
    }
}

async fn disable(server: &TestServer, person: app::domain::PersonId) {
    let permit = Actor::operator().permit(Scope::Organisation).unwrap();
    let by = server::audit::By::OPERATOR;
    let mut tx = server.app.store.begin(&by, &server.app.clock).await.unwrap();
    tx.disable_person(&permit, person).await.unwrap();
    tx.commit().await.unwrap();
}

/// What stands in a path where the table has a name in braces.
fn filled(path: &str, run: &str, there: bool) -> String {
    path.split('/')
        .map(|part| match part.trim_matches(['{', '}']) {
            name if name == part => part.to_owned(),
            "model" if there => "income".to_owned(),
            "version" if there => "v1".to_owned(),
            "run" if there => run.to_owned(),
            "name" | "dataset" if there => "census".to_owned(),
            "label" if there => "1".to_owned(),
            "team" | "slug" if there => TEAM.to_owned(),
            name if name.starts_with('*') => "main.css".to_owned(),
            _ => "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Asks as a browser or program would that has nothing to say.
async fn ask(client: &Client, method: &Method, path: &str) -> Answer {
    let is_api = path.starts_with("/api/");
    let kind = if is_api { "application/json" } else { "application/x-www-form-urlencoded" };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, kind)
        .header("sec-fetch-site", "same-origin");
    client.send(request, if is_api { Body::from("{}") } else { Body::empty() }).await
}

each_db!(every_route_lets_in_whom_its_access_says_and_nobody_else, |server| {
    let model = server.model("income").await;
    let csv = "metric,value,n,sex\naccuracy,0.5,100,F\naccuracy,0.6,100,M\n";
    let run = model.table("v1", "census@1", "2026-06-01", csv).await;
    // The last admin cannot be disabled, so that there is always another one.
    server.signed_in(Role::Admin).await;
    let routes = server::http::routes(&server.app);
    assert!(routes.table().len() > 20, "{} routes", routes.table().len());
    let mut wrong = vec![];
    for who in everybody() {
        let standing = who.client(&server).await;
        for route in routes.table() {
            for there in [false, true] {
                let path = filled(route.path, &run, there);
                let is_api = path.starts_with("/api/");
                // What somebody does to their own account must not change who asks next.
                let own = route.access == Access::SignedIn && route.method != Method::GET;
                let fresh;
                let client = if own && who.is_known(is_api) {
                    fresh = who.client(&server).await;
                    &fresh
                } else {
                    &standing
                };
                let answer = ask(client, &route.method, &path).await;
                let status = answer.status.as_u16();
                let to_login = status == 303 && answer.location().starts_with("/login");
                let ok = match route.access {
                    Access::Public => !matches!(status, 401 | 403) || is_guarded_inside(&path),
                    _ if !who.is_known(is_api) => {
                        if is_api {
                            status == 401
                        } else {
                            to_login
                        }
                    }
                    // Some of what is one's own account is for persons alone.
                    Access::SignedIn if who.is_token() => status != 401,
                    Access::SignedIn => status != 401 && status != 403,
                    Access::May(permission) if who.may(permission) => {
                        status != 401 && status != 403
                    }
                    Access::May(_) => status == 403,
                };
                if !ok || status >= 500 {
                    let access = route.access;
                    wrong.push(format!("{who}: {} {path} ({access:?}): {status}", route.method));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
});

/// Public to the table, because they look at who asks in a way of their own.
fn is_guarded_inside(path: &str) -> bool {
    path == "/metrics"
}

/// What the roles may do, written down a second time: method, path, and who gets further than
/// the door. A route that asks for less than it should fails here.
const GUARDED: [(&str, &str, &[Role]); 18] = {
    use Role::{Admin, Engineer, Lead};
    const BUILDERS: &[Role] = &[Lead, Engineer];
    const LEADS: &[Role] = &[Lead];
    const ADMINS: &[Role] = &[Admin];
    [
        ("POST", "/models/{model}/versions/{version}/upload", BUILDERS),
        ("GET", "/models/{model}/versions/{version}/upload", BUILDERS),
        ("POST", "/api/v1/models/{model}/versions/{version}/runs", BUILDERS),
        ("POST", "/api/v1/models/{model}/versions/{version}/predictions", BUILDERS),
        ("POST", "/runs/{run}/void", LEADS),
        ("POST", "/models/new", BUILDERS),
        ("POST", "/api/v1/models", BUILDERS),
        ("POST", "/api/v1/models/{model}/versions", BUILDERS),
        ("POST", "/api/v1/launches", LEADS),
        ("POST", "/api/v1/mitigations", BUILDERS),
        ("POST", "/api/v1/objectives", LEADS),
        ("POST", "/api/v1/key-results/{key_result}/check-ins", BUILDERS),
        ("POST", "/models/{model}/groups/accept", LEADS),
        ("POST", "/models/{model}/groups/alias", LEADS),
        ("POST", "/attributes/new", ADMINS),
        ("POST", "/people/new", ADMINS),
        ("POST", "/teams/new", ADMINS),
        ("POST", "/api/v1/teams", ADMINS),
    ]
};

each_db!(guarded_writes_are_for_the_roles_that_this_table_names, |server| {
    let model = server.model("income").await;
    let csv = "metric,value,n\naccuracy,0.5,100\n";
    let run = model.table("v1", "census@1", "2026-06-01", csv).await;
    let routes = server::http::routes(&server.app);
    let mut tried = 0;
    for role in Role::ALL {
        let client = server.signed_in(*role).await;
        for (method, path, roles) in GUARDED {
            if !routes.table().iter().any(|r| r.method == method && r.path == path) {
                continue;
            }
            tried += 1;
            let method: Method = method.parse().unwrap();
            let before = server.rows().await;
            let answer = ask(&client, &method, &filled(path, &run, true)).await;
            let status = answer.status.as_u16();
            if roles.contains(role) {
                assert!(status < 500 && !matches!(status, 401 | 403), "{role} {path}: {status}");
            } else {
                assert_eq!(status, 403, "{role} {method} {path}");
                assert_eq!(server.rows().await, before, "{role} {method} {path}");
            }
        }
    }
    assert!(tried >= 5 * Role::ALL.len(), "{tried}");
});

/// Asked with a body, which GET has not; that it stores nothing, [`crate::desk_api`] proves.
const READS_WITH_A_BODY: &str = "/api/v1/policies/{policy}/dry-run";

each_db!(nothing_that_writes_is_open_to_readers, |server| {
    let routes = server::http::routes(&server.app);
    for route in routes.table().iter().filter(|route| route.path != READS_WITH_A_BODY) {
        let reads = matches!(
            route.access,
            Access::May(Permission::Read | Permission::ReadRestricted | Permission::ReadAudit)
        );
        assert!(route.method == Method::GET || !reads, "{} {}", route.method, route.path);
    }
});
