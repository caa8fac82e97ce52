//! `tomking telegram`.

use std::{pin::pin, process::ExitCode};

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use futures::future::select;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    alert::telegram::{self, api::Api},
    clock::Runtime,
    config::voice::SecretSource,
    control::telegram::id::{self, Seen},
};

/// The variable the token is read from while there are no settings yet.
const TOKEN: &str = "TOMKING_TELEGRAM_TOKEN";

/// Setting up the Telegram bot.
#[derive(Debug, Args)]
pub struct TelegramArgs {
    #[command(subcommand)]
    command: TelegramCommand,
}

#[derive(Debug, Subcommand)]
enum TelegramCommand {
    Id(IdArgs),
}

/// Prints the ids of whoever writes to the bot, for the settings.
///
/// The token is that of the settings, or of the environment variable `TOMKING_TELEGRAM_TOKEN`. Write
/// to the bot in each chat and topic it shall hear; the bot answers nobody. Two programs cannot
/// listen to one bot: stop the daemon before.
#[derive(Debug, Args)]
pub struct IdArgs {
    /// Listens so long.
    #[arg(long, value_name = "MINUTES", default_value_t = 10,
        value_parser = clap::value_parser!(i64).range(1..=60))]
    minutes: i64,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &TelegramArgs) -> CliResult {
    let TelegramCommand::Id(IdArgs { minutes }) = &args.command;
    let api = bot(global)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::failed)?;
    runtime.block_on(listen(&api, TimeDelta::minutes(*minutes), global.json))
}

fn bot(global: &Global) -> Result<Api, CliError> {
    let ground = Ground::load(global)?;
    if let Some(settings) = &ground.settings.voice.telegram {
        return telegram::bot(settings).map_err(CliError::failed);
    }
    let token = SecretSource::Env(TOKEN.to_owned()).read();
    let token = token.map_err(|why| {
        let hint = "set it to the token that @BotFather gave, or name it in [voice.telegram]";
        CliError::failed(format!("reading the bot's token: {why}; {hint}"))
    })?;
    Api::new(&token, None).map_err(|why| CliError::failed(format!("{TOKEN}: {why}")))
}

/// Prints each new place once, until the time is over or Ctrl-C.
async fn listen(api: &Api, time: TimeDelta, json: bool) -> CliResult {
    let rt = Runtime::live();
    eprintln!(
        "Write to the bot in each chat it shall hear; listening for {} min, Ctrl-C ends it.",
        time.num_minutes()
    );
    let end = async {
        select(pin!(rt.sleep(time)), pin!(tokio::signal::ctrl_c())).await;
    };
    let show = |seen: &Seen| {
        if !json {
            // Nobody reads any more: Ctrl-C or the time ends it.
            let _ = print(&line(seen));
        }
    };
    let heard = id::listen(&rt, api, end, show).await;
    let known = heard.map_err(|why| CliError::failed(format!("listening to the bot: {why}")))?;
    if json {
        print_json(&known)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(seen: &Seen) -> String {
    let topic = seen.topic.map(|topic| format!(", topic {topic}")).unwrap_or_default();
    format!("user {}  chat {}  {}{topic}\n", seen.user, seen.chat, seen.kind)
}
