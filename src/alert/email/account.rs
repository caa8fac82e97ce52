//! The account mail is handed in with.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::AsyncSmtpConnection,
};

use super::fault::{Fault, broken};
use crate::config::voice::MailServer;

/// Shown where a server repeats what it must not.
const HIDDEN: &str = "[hidden]";

/// A name with its password.
pub(super) struct Account {
    name: String,
    password: String,
}

impl Account {
    /// The account of a server's settings; `None` where it asks for none.
    pub(super) fn of(server: &MailServer) -> Result<Option<Self>, String> {
        let (Some(name), Some(source)) = (&server.username, &server.password) else {
            return Ok(None);
        };
        let password = source.read().map_err(|why| format!("password: {why}"))?;
        Ok(Some(Self { name: name.clone(), password }))
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

    /// A text without the password, in each form in which it was sent.
    pub(super) fn clean(&self, text: &str) -> String {
        let plain = STANDARD.encode(format!("\0{}\0{}", self.name, self.password));
        let login = STANDARD.encode(&self.password);
        [plain.as_str(), login.as_str(), self.password.as_str()]
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }
}
