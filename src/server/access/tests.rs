use ha_dashboard::api::caller::Door;

use super::*;

const PASSWORD: &str = "correct horse battery";

struct Scene {
    folder: tempfile::TempDir,
    access: Access,
}

impl Scene {
    fn new(login: Login, viewers: Viewers, is_loopback: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(Database::open(folder.path()).unwrap(), Policy { login, viewers, is_loopback });
        Self { folder, access: access.unwrap() }
    }

    async fn with_admin(viewers: Viewers) -> Self {
        let scene = Self::new(Login::Auto, viewers, true);
        scene.account("anna", Role::Admin).await;
        scene
    }

    async fn account(&self, name: &str, role: Role) {
        let draft = AccountDraft { name: name.into(), role: role.name().into(), password: PASSWORD.into() };
        self.access.add_account(draft).await.unwrap();
    }

    async fn pass(&self, kind: PassKind, role: Role) -> (Pass, String) {
        let draft = PassDraft {
            kind: kind.name().into(),
            name: "a pass".into(),
            role: role.name().into(),
            lasts: "1h".into(),
            once: false,
        };
        self.access.add_pass(draft).await.unwrap()
    }

    fn role(&self, shown: Shown) -> Result<Role, BadToken> {
        self.access.admit(asking(), shown).map(|caller| caller.role)
    }

    fn caller(&self, shown: Shown) -> Caller {
        self.access.admit(asking(), shown).unwrap()
    }
}

fn asking() -> Caller {
    Caller { correlation_id: "c-1".into(), door: Door::Rest, ..Caller::default() }
}

#[tokio::test]
async fn who_shows_nothing_may_what_is_set() {
    use Login as L;
    use Viewers as V;
    for (login, viewers, is_loopback, role) in [
        (L::Auto, V::Open, true, Role::Admin),
        (L::Auto, V::Off, true, Role::Admin),
        (L::Auto, V::Open, false, Role::Viewer),
        (L::Auto, V::Link, false, Role::Nobody),
        (L::Auto, V::Off, false, Role::Nobody),
        (L::Required, V::Open, true, Role::Viewer),
        (L::Required, V::Link, true, Role::Nobody),
        (L::Off, V::Off, false, Role::Admin),
    ] {
        let scene = Scene::new(login, viewers, is_loopback);
        assert_eq!(scene.role(Shown::Nothing), Ok(role), "{login:?} {viewers:?} {is_loopback}");
        assert_eq!(scene.role(Shown::Cookie("stale")), Ok(role), "a cookie that opens nothing is none");
    }
}

#[tokio::test]
async fn the_first_account_ends_the_time_without_a_login() {
    let scene = Scene::new(Login::Auto, Viewers::Open, true);
    let stream = scene.access.ended(&scene.caller(Shown::Nothing));
    assert_eq!(scene.role(Shown::Nothing), Ok(Role::Admin));
    scene.account("anna", Role::Admin).await;
    assert_eq!(scene.role(Shown::Nothing), Ok(Role::Viewer));
    // What was open as an admin ends, and comes back as what it may be now.
    tokio::time::timeout(Duration::from_secs(30), stream).await.unwrap();
    scene.access.delete_account("anna").await.unwrap();
    assert_eq!(scene.role(Shown::Nothing), Ok(Role::Admin));
}

#[tokio::test]
async fn only_name_and_password_together_log_in() {
    let scene = Scene::with_admin(Viewers::Link).await;
    for (name, password) in [("anna", "wrong horse battery"), ("bob", PASSWORD), ("", ""), ("anna", "")] {
        let refused = scene.access.log_in(&asking(), name, password).await.err().unwrap();
        assert!(matches!(refused, NoLogin::Wrong), "{name} {password}: {refused:?}");
    }
    let begun = scene.access.log_in(&asking(), "anna", PASSWORD).await.ok().unwrap();
    let caller = scene.caller(Shown::Cookie(&begun.secret));
    assert_eq!(
        (caller.role, caller.who.as_str(), caller.pass.as_ref()),
        (Role::Admin, "anna", Some(&begun.session.id))
    );
    // A session is for browsers, and what opens it is kept nowhere.
    assert_eq!(scene.role(Shown::Token(&begun.secret)), Err(BadToken));
    let file = std::fs::read(scene.folder.path().join("dashboard.sqlite-wal")).unwrap();
    for secret in [begun.secret.as_bytes(), PASSWORD.as_bytes()] {
        assert!(!file.windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test]
async fn streams_end_with_what_let_them_in() {
    let scene = Scene::with_admin(Viewers::Link).await;
    scene.account("bob", Role::Presenter).await;
    let (link, secret) = scene.pass(PassKind::Link, Role::Viewer).await;
    let (token, token_secret) = scene.pass(PassKind::Token, Role::Presenter).await;
    let by_name = scene.access.log_in(&asking(), "bob", PASSWORD).await.ok().unwrap();
    let by_other = scene.access.log_in(&asking(), "bob", PASSWORD).await.ok().unwrap();
    let by_link = scene.access.enter(&asking(), &secret).await.ok().unwrap();
    let watch = |shown| tokio::spawn(scene.access.ended(&scene.caller(shown)));
    let name_stream = watch(Shown::Cookie(&by_name.secret));
    let other_stream = watch(Shown::Cookie(&by_other.secret));
    let link_stream = watch(Shown::Cookie(&by_link.secret));
    let token_stream = watch(Shown::Token(&token_secret));
    let ends = async |stream: tokio::task::JoinHandle<()>| {
        tokio::time::timeout(Duration::from_secs(30), stream).await.unwrap().unwrap()
    };

    scene.access.log_out(&scene.caller(Shown::Cookie(&by_name.secret))).await.unwrap();
    ends(name_stream).await;
    assert_eq!(scene.role(Shown::Cookie(&by_name.secret)), Ok(Role::Nobody));
    assert!(!other_stream.is_finished(), "another browser of the same account goes on");
    assert_eq!(scene.role(Shown::Cookie(&by_other.secret)), Ok(Role::Presenter));

    scene.access.revoke_pass(&link.id).await.unwrap();
    ends(link_stream).await;
    scene.access.revoke_pass(&token.id).await.unwrap();
    ends(token_stream).await;
    assert_eq!(scene.role(Shown::Token(&token_secret)), Err(BadToken));
    scene.access.delete_account("bob").await.unwrap();
    ends(other_stream).await;
    assert_eq!(scene.role(Shown::Cookie(&by_other.secret)), Ok(Role::Nobody), "a session of a deleted account");
}

#[tokio::test]
async fn what_another_process_takes_back_is_noticed() {
    let scene = Scene::with_admin(Viewers::Link).await;
    let (token, secret) = scene.pass(PassKind::Token, Role::Presenter).await;
    let end = CancellationToken::new();
    let kept = tokio::spawn(scene.access.clone().keep(end.clone()));
    // Only what comes after the first look is a change.
    tokio::time::sleep(LOOK * 2).await;
    let stream = scene.access.ended(&scene.caller(Shown::Token(&secret)));
    let other = Database::open(scene.folder.path()).unwrap();
    other.revoke_pass(&token.id, now_ms()).unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(60), stream).await.unwrap();
    assert_eq!(scene.role(Shown::Token(&secret)), Err(BadToken));
    end.cancel();
    kept.await.unwrap();
}

#[tokio::test]
async fn a_token_is_right_to_the_last_character_and_to_its_last_second() {
    let scene = Scene::with_admin(Viewers::Link).await;
    let (token, secret) = scene.pass(PassKind::Token, Role::Viewer).await;
    assert_eq!(scene.role(Shown::Token(&secret)), Ok(Role::Viewer));
    let longer = format!("{secret}0");
    for wrong in
        [&secret[..secret.len() - 1], &longer, &secret.to_uppercase(), "", &"x".repeat(8_192), token.id.as_str()]
    {
        assert_eq!(scene.role(Shown::Token(wrong)), Err(BadToken), "{wrong}");
        assert_eq!(scene.role(Shown::Cookie(wrong)), Ok(Role::Nobody), "{wrong}");
    }
    // Over for a second.
    let over = Pass { id: ids::pass(now_ms()), until_ms: now_ms() - 1_000, ..token.clone() };
    scene.access.0.database.add_pass(&over, &hash("had_over")).unwrap().unwrap();
    scene.access.read().unwrap();
    assert_eq!(scene.role(Shown::Token("had_over")), Err(BadToken));
    // One that runs out while it is known.
    let soon = Pass { id: ids::pass(now_ms()), until_ms: now_ms() + 300, ..token };
    scene.access.0.database.add_pass(&soon, &hash("had_soon")).unwrap().unwrap();
    scene.access.read().unwrap();
    let caller = scene.caller(Shown::Token("had_soon"));
    tokio::time::timeout(Duration::from_secs(30), scene.access.ended(&caller)).await.unwrap();
    assert_eq!(scene.role(Shown::Token("had_soon")), Err(BadToken));
}

#[tokio::test]
async fn a_link_is_looked_at_without_being_used_and_is_no_session_itself() {
    let scene = Scene::new(Login::Required, Viewers::Link, false);
    let secret = scene.access.first_link().await.unwrap().unwrap();
    assert_eq!(scene.access.link(&secret).unwrap().role, Role::Presenter);
    assert_eq!(scene.access.link(&secret).unwrap().role, Role::Presenter, "still");
    assert_eq!(scene.role(Shown::Cookie(&secret)), Ok(Role::Nobody));
    assert_eq!(scene.role(Shown::Token(&secret)), Err(BadToken));
    // At the next start there is another one, and the first no longer leads anywhere.
    let next = scene.access.first_link().await.unwrap().unwrap();
    assert!(scene.access.link(&secret).is_none());
    let begun = scene.access.enter(&asking(), &next).await.ok().unwrap();
    assert_eq!(scene.role(Shown::Cookie(&begun.secret)), Ok(Role::Presenter));
    assert!(matches!(scene.access.enter(&asking(), &next).await, Err(NoLogin::NoLink)), "once");
    scene.account("anna", Role::Admin).await;
    assert_eq!(scene.access.first_link().await.unwrap(), None);
}

#[tokio::test]
async fn links_for_viewers_are_good_where_viewers_are_let_in() {
    for (viewers, is_let_in) in [(Viewers::Open, true), (Viewers::Link, true), (Viewers::Off, false)] {
        let scene = Scene::new(Login::Required, viewers, false);
        let (_, secret) = scene.pass(PassKind::Link, Role::Viewer).await;
        assert_eq!(scene.access.link(&secret).is_some(), is_let_in);
        assert_eq!(scene.access.enter(&asking(), &secret).await.is_ok(), is_let_in);
    }
}

#[tokio::test]
async fn presenters_stay_presenters_when_the_database_is_gone() {
    let scene = Scene::with_admin(Viewers::Open).await;
    let begun = scene.access.log_in(&asking(), "anna", PASSWORD).await.ok().unwrap();
    let other = rusqlite::Connection::open(scene.folder.path().join("dashboard.sqlite")).unwrap();
    other.execute_batch("DROP TABLE passes; DROP TABLE accounts;").unwrap();
    assert!(scene.access.accounts().await.is_err());
    assert_eq!(scene.role(Shown::Cookie(&begun.secret)), Ok(Role::Admin));
    assert!(matches!(scene.access.log_in(&asking(), "anna", PASSWORD).await, Err(NoLogin::Unavailable(_))));
}

#[tokio::test]
async fn who_comes_disturbs_nobody_and_a_flood_is_written_down_in_part() {
    let scene = Scene::with_admin(Viewers::Link).await;
    let (_, secret) = scene.pass(PassKind::Link, Role::Viewer).await;
    let mut followed = scene.access.0.open.subscribe();
    followed.mark_unchanged();
    for _ in 0..5 {
        scene.access.enter(&asking(), &secret).await.ok().unwrap();
    }
    assert!(!followed.has_changed().unwrap());
    for _ in 0..1_000 {
        scene.access.note(&asking(), Call::Start, &"", Err(&ApiError::LoginNeeded { needs: Role::Presenter }));
        scene.access.note_turned_away(&asking(), "POST /start".into());
    }
    scene.access.written_down().await;
    let told = scene.access.audit(Search { refused: true, most: Search::MOST, ..Search::default() }).await.unwrap();
    assert!((20..=30).contains(&told.len()), "{}", told.len());
}

#[tokio::test]
async fn an_audience_comes_in_by_its_link_from_one_address_and_guesses_are_few() {
    let scene = Scene::with_admin(Viewers::Link).await;
    let (_, secret) = scene.pass(PassKind::Link, Role::Viewer).await;
    let caller = Caller { from: Some([192, 0, 2, 1].into()), ..asking() };
    for _ in 0..50 {
        assert!(scene.access.enter(&caller, &secret).await.is_ok());
    }
    let mut refused = 0;
    for _ in 0..50 {
        refused += u32::from(matches!(scene.access.enter(&caller, "had_guessed").await, Err(NoLogin::TooMany)));
    }
    assert!((30..=40).contains(&refused), "{refused}");
    assert!(scene.access.enter(&caller, &secret).await.is_ok(), "who guesses keeps nobody out");
}

#[tokio::test]
async fn logins_are_written_down_the_refused_ones_too() {
    let scene = Scene::with_admin(Viewers::Open).await;
    let _ = scene.access.log_in(&asking(), "anna", "not the password").await;
    let begun = scene.access.log_in(&asking(), "anna", PASSWORD).await.ok().unwrap();
    scene.access.log_out(&scene.caller(Shown::Cookie(&begun.secret))).await.unwrap();
    let member = Member { name: "bob@example.com".into(), role: Role::Presenter };
    assert!(scene.access.come_by_team(&asking(), "a way", Ok(member)).await.is_ok());
    let stranger = Member { name: "carl".into(), role: Role::Nobody };
    assert!(scene.access.come_by_team(&asking(), "a way", Ok(stranger)).await.is_err());
    assert!(scene.access.come_by_team(&asking(), "a way", Err(NoLogin::NoTeam(OidcError::Stale))).await.is_err());
    scene.access.note(&asking(), Call::Start, &"script=a.js", Err(&ApiError::LoginNeeded { needs: Role::Presenter }));
    scene.access.written_down().await;
    let told: Vec<_> = (scene.access.audit(Search::default()).await.unwrap().into_iter().rev())
        .map(|entry| (entry.who, entry.act, entry.outcome))
        .collect();
    let expected = [
        ("anna", "log_in", "wrong_login"),
        ("anna", "log_in", "done"),
        ("anna", "log_out", "done"),
        ("bob@example.com", "log_in_by_team", "done"),
        ("carl", "log_in_by_team", "not_in_team"),
        ("", "log_in_by_team", "team_stale"),
        ("", "start", "login_needed"),
    ];
    let expected = expected.map(|(who, act, outcome)| (who.to_owned(), act.to_owned(), outcome.to_owned()));
    assert_eq!(told, expected);
}
