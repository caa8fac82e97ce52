//! The console before a handler on a script, in virtual time.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::clock::VirtualWorld;

/// Notes what reaches it; jobs, positions and a report it knows, a resume takes two seconds.
#[derive(Default)]
struct Script {
    done: Mutex<Vec<(Request, String)>>,
    rt: Option<Runtime>,
}

impl Script {
    fn done(&self) -> Vec<(Request, String)> {
        self.done.lock().unwrap().clone()
    }
}

#[async_trait]
impl Handler for Script {
    fn stops(&self) -> u64 {
        let done = self.done.lock().unwrap();
        done.iter().filter(|(request, _)| matches!(request, Request::Halt { .. })).count() as u64
    }

    async fn handle(&self, request: Request, by: &str) -> Result<Value, String> {
        self.done.lock().unwrap().push((request.clone(), by.to_owned()));
        match request {
            Request::JobsList => Ok(json!([
                { "job": "daily-report", "about": "", "enabled": true, "when": "", "paused": null, "next": null },
                { "job": "store-backup", "about": "", "enabled": true, "when": "", "paused": null, "next": null },
            ])),
            Request::JobsNext { .. } => Ok(json!([])),
            Request::Positions => Ok(json!({ "positions": [{ "id": "lt112-20260902-1" }] })),
            Request::Stress { .. } => {
                Ok(json!({ "worst": "all", "scenarios": [{ "scenario": "1987-10-19" }] }))
            }
            Request::Resume { .. } | Request::Halt { .. } => {
                if let Some(rt) = &self.rt {
                    rt.sleep(TimeDelta::seconds(2)).await;
                }
                let level =
                    if matches!(request, Request::Halt { .. }) { "HALTED" } else { "ACTIVE" };
                Ok(json!({
                    "level": level, "holds": [], "cancelled": [], "working": [], "open": [],
                }))
            }
            Request::Version => {
                Ok(json!({ "version": "9", "build": "debug", "system": "s", "machine": "m" }))
            }
            Request::Flatten { .. } => Err("the broker is gone".to_owned()),
            Request::Reduce { .. } => panic!("planted"),
            _ => Err("unknown here".to_owned()),
        }
    }
}

/// Codes that are taken once.
struct Once(Mutex<BTreeSet<String>>);

#[async_trait]
impl Codes for Once {
    async fn spend(&self, code: &str, _: Timestamp) -> Result<(), String> {
        if self.0.lock().unwrap().remove(code) {
            return Ok(());
        }
        Err("that code was used already, or never was one".to_owned())
    }
}

fn owner(name: &str) -> Caller {
    Caller { name: name.to_owned(), role: Role::Owner }
}

fn viewer() -> Caller {
    Caller { name: "telegram:1".to_owned(), role: Role::Viewer }
}

/// A scene with a console; `slow` answers of the latch take two seconds.
fn scene<F: Future<Output = ()> + 'static>(
    slow: bool,
    codes: Option<&[&str]>,
    play: impl FnOnce(Arc<Console>, Arc<Script>, Runtime) -> F,
) {
    let mut world = VirtualWorld::new("2026-10-16T14:00:00Z".parse().unwrap());
    let rt = world.runtime();
    let handler = Arc::new(Script { rt: slow.then(|| rt.clone()), ..Script::default() });
    let codes = codes.map(|codes| {
        let codes = codes.iter().map(|&code| code.to_owned()).collect();
        Arc::new(Once(Mutex::new(codes))) as Arc<dyn Codes>
    });
    let console = Console::new(rt.clone(), Arc::clone(&handler) as Arc<dyn Handler>, codes);
    world.run(play(console, handler, rt)).expect("the scene ends");
}

fn refused(reply: Reply) -> String {
    match reply {
        Reply::Refused(why) => why,
        Reply::Said(page) => panic!("said {page:?}"),
        Reply::Begun(page, _) => panic!("begun {page:?}"),
        Reply::Choose { question, .. } => panic!("asked {question}"),
        Reply::Confirm(confirm) => panic!("to be confirmed {confirm:?}"),
    }
}

fn said(reply: Reply) -> Page {
    match reply {
        Reply::Said(page) => page,
        Reply::Refused(why) => panic!("refused {why}"),
        _ => panic!("not said at once"),
    }
}

fn confirm(reply: Reply) -> Confirm {
    match reply {
        Reply::Confirm(confirm) => confirm,
        Reply::Refused(why) => panic!("refused {why}"),
        _ => panic!("not asked to be confirmed"),
    }
}

/// What the latch was asked, with who asked.
fn resumes(handler: &Script) -> usize {
    handler.done().iter().filter(|(request, _)| matches!(request, Request::Resume { .. })).count()
}

#[test]
fn a_viewer_looks_and_does_nothing() {
    scene(false, None, |console, handler, _| async move {
        said(console.ask(&viewer(), "/version").await);
        for line in ["/halt", "/reduce", "/flatten", "/resume", "/pause lt112", "/run daily-report"]
        {
            let why = refused(console.ask(&viewer(), line).await);
            assert!(why.ends_with("is for owners"), "{line}: {why}");
        }
        assert_eq!(handler.done().len(), 1, "only the version was asked for");
        let help = said(console.ask(&viewer(), "/help").await).text();
        assert!(help.contains("/positions") && !help.contains("/halt"), "{help}");
        let help = said(console.ask(&owner("a"), "/help halt").await).text();
        assert!(help.contains("/halt [reason]"), "{help}");
    });
}

#[test]
fn a_halt_is_one_step_and_the_journal_is_told_who() {
    scene(false, None, |console, handler, _| async move {
        let page = said(console.ask(&owner("telegram:4711"), "/halt too wild").await);
        assert_eq!(page.title, "HALTED.");
        let request = Request::Halt { reason: "too wild".to_owned() };
        assert_eq!(handler.done(), [(request, "telegram:4711".to_owned())]);
    });
}

#[test]
fn what_is_confirmed_is_done_once() {
    scene(false, None, |console, handler, _| async move {
        let asked = confirm(console.ask(&owner("a"), "/resume").await);
        assert!(!asked.totp && asked.question.contains("Entries may be sent again"), "{asked:?}");
        assert_eq!(resumes(&handler), 0, "nothing is done before");
        said(console.confirm(&owner("a"), &format!(" {} ", asked.code)).await);
        let again = refused(console.confirm(&owner("a"), &asked.code).await);
        assert_eq!(again, "nothing waits to be confirmed; ask again");
        assert_eq!(resumes(&handler), 1);
    });
}

#[test]
fn a_question_may_be_confirmed_for_sixty_seconds() {
    scene(false, None, |console, handler, rt| async move {
        for (wait, done) in [(59, 1), (60, 1)] {
            let asked = confirm(console.ask(&owner("a"), "/resume").await);
            assert_eq!(asked.until, rt.now() + TimeDelta::seconds(60));
            rt.sleep(TimeDelta::seconds(wait)).await;
            let _ = console.confirm(&owner("a"), &asked.code).await;
            assert_eq!(resumes(&handler), done, "after {wait} s");
        }
    });
}

#[test]
fn a_wrong_code_and_another_callers_code_do_nothing() {
    scene(false, None, |console, handler, _| async move {
        let mine = confirm(console.ask(&owner("a"), "/resume").await);
        let wrong = if mine.code == "0000" { "0001" } else { "0000" };
        let why = refused(console.confirm(&owner("a"), wrong).await);
        assert_eq!(why, "that is not the code; ask again");
        refused(console.confirm(&owner("b"), &mine.code).await);
        let theirs = confirm(console.ask(&owner("b"), "/flatten").await);
        if theirs.code != mine.code {
            refused(console.confirm(&owner("a"), &theirs.code).await);
        }
        assert_eq!(handler.done(), []);
        // A later question of the same caller takes the place of the first.
        let later = confirm(console.ask(&owner("a"), "/flatten now").await);
        if later.code != mine.code {
            refused(console.confirm(&owner("a"), &mine.code).await);
            assert_eq!(handler.done(), []);
        }
    });
}

#[test]
fn a_halt_takes_back_every_resume_that_waits_and_nothing_else() {
    scene(false, None, |console, handler, _| async move {
        let resume = confirm(console.ask(&owner("a"), "/resume").await);
        let flatten = confirm(console.ask(&owner("b"), "/flatten").await);
        said(console.ask(&owner("c"), "/halt").await);
        let why = refused(console.confirm(&owner("a"), &resume.code).await);
        assert_eq!(why, "trading was stopped after this was asked; ask again");
        assert_eq!(resumes(&handler), 0);
        let why = refused(console.confirm(&owner("b"), &flatten.code).await);
        assert_eq!(why, "the broker is gone", "it is done, as far as it can be");
    });
}

#[test]
fn with_time_based_codes_only_such_a_code_confirms() {
    scene(false, Some(&["111111", "222222"]), |console, handler, _| async move {
        let asked = confirm(console.ask(&owner("a"), "/resume").await);
        assert!(asked.totp);
        refused(console.confirm(&owner("a"), &asked.code).await);
        said(console.confirm(&owner("a"), "111111").await);
        confirm(console.ask(&owner("a"), "/resume").await);
        let why = refused(console.confirm(&owner("a"), "111111").await);
        assert!(why.contains("used already"), "{why}");
        // A code is not spent where nothing waits.
        refused(console.confirm(&owner("b"), "222222").await);
        said(console.confirm(&owner("a"), "222222").await);
        assert_eq!(resumes(&handler), 2);
    });
}

#[test]
fn a_missing_argument_is_asked_for_with_what_could_stand_there() {
    scene(false, None, |console, _, _| async move {
        for (line, wanted) in [
            ("/run", vec!["/run daily-report", "/run store-backup"]),
            ("/close", vec!["/close lt112-20260902-1"]),
            ("/payoff", vec!["/payoff lt112-20260902-1"]),
        ] {
            let Reply::Choose { question, choices } = console.ask(&owner("a"), line).await else {
                panic!("{line} is answered");
            };
            assert!(question.starts_with(line), "{question}");
            let lines: Vec<&str> = choices.iter().map(|(_, line)| line.as_str()).collect();
            assert_eq!(lines, wanted);
        }
        let Reply::Choose { choices, .. } = console.ask(&owner("a"), "/pause").await else {
            panic!("a strategy or a job is asked for");
        };
        assert_eq!(choices[0].1, "/pause friday_0dte");
        assert_eq!(choices.last().unwrap().1, "/pause store-backup");
    });
}

#[test]
fn what_takes_longer_than_a_person_waits_is_begun_and_its_end_follows() {
    scene(true, None, |console, handler, rt| async move {
        let before = rt.now();
        let Reply::Begun(first, rest) = console.ask(&owner("a"), "/halt").await else {
            panic!("two seconds are too long");
        };
        assert_eq!(rt.now() - before, ANSWER_WAIT);
        assert!(first.title.starts_with("Received"), "{}", first.title);
        assert_eq!(handler.done().len(), 1, "it is under way");
        assert_eq!(rest.await.title, "HALTED.");
        assert_eq!(rt.now() - before, TimeDelta::seconds(2));
    });
}

#[test]
fn who_drops_the_rest_of_an_answer_stops_nothing() {
    scene(true, None, |console, handler, rt| async move {
        drop(console.ask(&owner("a"), "/halt").await);
        rt.sleep(TimeDelta::seconds(3)).await;
        assert_eq!(handler.done().len(), 1);
    });
}

#[test]
fn an_error_and_a_panic_of_who_answers_are_told() {
    scene(false, None, |console, _, _| async move {
        let asked = confirm(console.ask(&owner("a"), "/flatten").await);
        assert_eq!(refused(console.confirm(&owner("a"), &asked.code).await), "the broker is gone");
        let why = refused(console.ask(&owner("a"), "/reduce").await);
        assert_eq!(why, "the answer was not made");
    });
}

#[test]
fn a_line_that_is_no_command_says_what_would_be_right() {
    scene(false, None, |console, handler, _| async move {
        let cases = [
            ("/hatl", "there is no command \"/hatl\"; /help lists them"),
            ("hello there", "there is no command \"hello\"; /help lists them"),
            ("/positions now", "/positions takes no \"now\""),
            ("/next 1000", "count = \"1000\": must be a whole number from 0 to 50"),
            ("/next -1", "count = \"-1\": must be a whole number from 0 to 50"),
            ("/why lt113", "strategy = \"lt113\": must be one of friday_0dte, lt112,"),
            ("/why lt112 2026-2-30", "date = \"2026-2-30\": must be a day written YYYY-MM-DD"),
            ("/report hourly", "period = \"hourly\": must be daily, weekly, monthly or quarterly"),
            ("/mute 9999", "minutes = \"9999\": must be a whole number from 0 to 1440"),
        ];
        for (line, wanted) in cases {
            let why = refused(console.ask(&owner("a"), line).await);
            assert!(why.starts_with(wanted), "{line}: {why}");
        }
        assert_eq!(handler.done(), []);
        // As Telegram writes it in groups, and as people do.
        said(console.ask(&owner("a"), "/VERSION@tomking_bot").await);
        said(console.ask(&owner("a"), "  version  ").await);
    });
}
