//! The menu of commands Telegram shows beside the text field, from the table: in each chat what who
//! reads there may. Strangers are shown none.

use teloxide::{
    payloads::{SetMyCommands, SetMyCommandsSetters as _},
    types::{BotCommand, BotCommandScope, ChatId, Recipient, UserId},
};

use crate::{
    config::voice::TelegramSettings,
    control::table::{COMMANDS, Role},
};

/// The longest description the Bot API takes, characters.
const HELP_MAX: usize = 256;

/// The menus to be set, one call each.
pub fn menus(settings: &TelegramSettings) -> Vec<SetMyCommands> {
    let mut ids: Vec<i64> = settings.chats.iter().map(|chat| chat.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().flat_map(|id| chat(settings, id)).collect()
}

fn chat(settings: &TelegramSettings, id: i64) -> Vec<SetMyCommands> {
    let recipient = Recipient::Id(ChatId(id));
    let of = |role, scope| SetMyCommands::new(commands(role)).scope(scope);
    // A private chat has its user's id.
    if let Ok(user) = u64::try_from(id) {
        let owner = settings.owners.contains(&user);
        let role = if owner { Role::Owner } else { Role::Viewer };
        return vec![of(role, BotCommandScope::Chat { chat_id: recipient })];
    }
    let mut menus = vec![of(Role::Viewer, BotCommandScope::Chat { chat_id: recipient.clone() })];
    menus.extend(settings.owners.iter().map(|owner| {
        let (chat_id, user_id) = (recipient.clone(), UserId(*owner));
        of(Role::Owner, BotCommandScope::ChatMember { chat_id, user_id })
    }));
    menus
}

/// What a role may, in the table's order.
fn commands(role: Role) -> Vec<BotCommand> {
    let may = COMMANDS.iter().filter(|command| command.who <= role);
    may.map(|command| {
        let help: String = command.help.chars().take(HELP_MAX).collect();
        BotCommand::new(command.name, help)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::voice::{ChatSettings, SecretSource};

    #[test]
    fn each_is_shown_what_they_may_and_names_are_as_telegram_wants_them() {
        let chat = |id| ChatSettings { id, topic: None, alerts: true };
        let settings = TelegramSettings {
            token: SecretSource::Env("X".to_owned()),
            owners: vec![11],
            viewers: vec![22],
            chats: vec![chat(11), chat(22), chat(-5)],
            api_url: None,
        };
        let menus = menus(&settings);
        let counts: Vec<usize> = menus.iter().map(|menu| menu.commands.len()).collect();
        let looks = COMMANDS.iter().filter(|command| command.who == Role::Viewer).count();
        // The group, its owner, then the private chats.
        assert_eq!(counts, [looks, COMMANDS.len(), COMMANDS.len(), looks]);
        for command in menus.iter().flat_map(|menu| &menu.commands) {
            let name = &command.command;
            assert!((1..=32).contains(&name.len()), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            assert!((1..=256).contains(&command.description.chars().count()), "{name}");
        }
        assert!(COMMANDS.len() <= 100, "the Bot API takes a hundred");
    }
}
