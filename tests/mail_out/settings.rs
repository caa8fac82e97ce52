//! Settings that cannot work say so before anything is sent.

use tomking::{alert::email::Mailer, clock::Runtime, config::voice::SecretSource};

use crate::{
    house::{House, on},
    server::{Plan, Tls},
};

#[test]
fn a_setting_that_cannot_work_is_named_with_its_cause() {
    on(async {
        let plan = Plan { tls: Tls::Starttls, auth: "PLAIN", ..Plan::default() };
        let house = House::new(plan).await;
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let fault = |change: &dyn Fn(&mut tomking::config::voice::EmailSettings)| {
            let mut settings = house.settings.clone();
            change(&mut settings);
            Mailer::new(&settings, Runtime::live()).err().expect("it cannot work")
        };
        let text = fault(&|s| s.server.ca_file = Some(place.path().join("absent.pem")));
        assert!(text.starts_with("voice.email.server: ca_file "), "{text}");
        assert!(text.ends_with("No such file or directory (os error 2)"), "{text}");
        let text = fault(&|s| s.server.ca_file = Some(file("empty.pem", "")));
        assert!(text.ends_with("it holds no certificate in PEM"), "{text}");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let text = fault(&|s| s.server.ca_file = Some(file("broken.pem", broken)));
        assert!(text.contains("broken.pem"), "{text}");
        let secret = file("secret", " \n");
        let text = fault(&|s| s.server.password = Some(SecretSource::File(secret.clone())));
        assert_eq!(text, format!("voice.email.server.password: {} is empty", secret.display()));
        let text = fault(&|s| s.server.host = "not a name".to_owned());
        assert!(text.contains("\"not a name\" is not a server's name"), "{text}");
        let text = fault(&|s| s.from = "nobody".to_owned());
        assert!(text.starts_with("voice.email.from = \"nobody\""), "{text}");
    });
}
