//! The account mail is handed in with, or read by.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use lettre::transport::smtp::{
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::AsyncSmtpConnection,
};

use super::fault::{Fault, broken};
use crate::config::voice::MailServer;

/// Shown where a server repeats what it must not.
const HIDDEN: &str = "[hidden]";

/// A name with its password.
pub struct Account {
    /// The name.
    pub name: String,
    password: String,
}

impl Account {
    /// The account of a server's settings; `None` where it asks for none. The error names the key
    /// and the place of the password, never the password.
    pub fn of(server: &MailServer) -> Result<Option<Self>, String> {
        let (Some(name), Some(source)) = (&server.username, &server.password) else {
            return Ok(None);
        };
        let password = source.read().map_err(|why| format!("password: {why}"))?;
        Ok(Some(Self { name: name.clone(), password }))
    }

    /// The password, for the one place that says it to the server.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Signs in by PLAIN or LOGIN, as the server has it. A refusal may pass: the owner can mend it.
    pub(super) async fn sign_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Fault> {
        if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            let text = "signing in: the server offers neither AUTH PLAIN nor AUTH LOGIN";
            return Err(Fault::Later(text.to_owned()));
        }
        let credentials = Credentials::new(self.name.clone(), self.password.clone());
        let doing = format!("signing in as {}", self.name);
        let signed_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        signed_in.map(|_| ()).map_err(|error| broken(&doing, &error))
    }

    /// A server's words without the password, in each form in which it may be said to a server: as it
    /// is, as AUTH PLAIN and LOGIN of SMTP say it, quoted as LOGIN of IMAP does; and each as an error
    /// of a library shows texts.
    pub fn clean(&self, text: &str) -> String {
        let Self { name, password } = self;
        let encoded = |text: &str| STANDARD_NO_PAD.encode(text);
        let said = [
            password.clone(),
            password.replace('\\', r"\\").replace('"', "\\\""),
            encoded(password),
            encoded(&format!("\0{name}\0{password}")),
            encoded(&format!("{name}\0{name}\0{password}")),
        ];
        let shown = said.iter().map(|form| {
            let quoted = format!("{form:?}");
            quoted[1..quoted.len() - 1].to_owned()
        });
        let mut forms: Vec<String> = shown.chain(said.iter().cloned()).collect();
        // A longer form may hold a shorter one.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.iter().fold(text.to_owned(), |text, form| text.replace(form, HIDDEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_form_in_what_a_server_says() {
        let password = r#"say "a\b" tö me"#;
        let account = Account { name: "bot".to_owned(), password: password.to_owned() };
        // base64 by coreutils: printf '%s' PASSWORD | base64, and of \0bot\0PASSWORD
        for echoed in [
            password,
            r#"LOGIN "bot" "say \"a\\b\" tö me""#,
            "c2F5ICJhXGIiIHTDtiBtZQ==",
            "AGJvdABzYXkgImFcYiIgdMO2IG1l",
        ] {
            for text in [format!("535 not {echoed}"), format!("{:?}", format!("not {echoed}"))] {
                let cleaned = account.clean(&text);
                assert!(cleaned.contains(HIDDEN), "{text}: {cleaned}");
                for part in ["say", "c2F5", "zYXk", "tö"] {
                    assert!(!cleaned.contains(part), "{text}: {cleaned}");
                }
            }
        }
        assert_eq!(account.clean("NO [AUTHENTICATIONFAILED] bot"), "NO [AUTHENTICATIONFAILED] bot");
    }
}
