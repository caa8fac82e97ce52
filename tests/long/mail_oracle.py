"""A mail server made of aiosmtpd, and a reader of what it took made of Python's email package."""

import email
import email.policy
import pathlib
import ssl
import sys
import threading

PLACE = pathlib.Path(sys.argv[2])


def serve():
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    class Keep:
        count = 0

        async def handle_DATA(self, _server, session, envelope):
            assert session.ssl is not None and session.authenticated
            assert envelope.rcpt_tos == ["owner@example.org", "partner@example.net"]
            self.count += 1
            (PLACE / "mails" / f"{self.count:03}.eml").write_bytes(envelope.content)
            return "250 taken"

    def known(_server, _session, _envelope, _mechanism, data):
        password = (PLACE / "password").read_bytes().strip()
        return AuthResult(success=(data.login, data.password) == (b"bot", password))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PLACE / "cert.pem", PLACE / "key.pem")
    controller = Controller(
        Keep(),
        hostname="127.0.0.1",
        port=18587,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=known,
    )
    controller.start()
    (PLACE / "port").write_text(str(controller.port))
    threading.Event().wait()


def check():
    mails = sorted((PLACE / "mails").iterdir())
    assert len(mails) > 20, f"{len(mails)} mails: one of each kind was to come"
    ids = set()
    for path in mails:
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert not mail.defects, (path, mail.defects)
        for header in mail.values():
            assert not header.defects, (path, header, header.defects)
        assert str(mail["from"]) == "tomking <bot@example.org>", mail["from"]
        assert mail["auto-submitted"] == "auto-generated"
        assert mail["date"].datetime.tzinfo is not None
        assert mail["in-reply-to"] in mail["references"].split()
        ids.add(mail["message-id"])
        assert mail["subject"].split(" ")[0] in ("[info]", "[warning]", "[CRITICAL]")
        kinds = [part.get_content_type() for part in mail.walk()]
        assert kinds[:5] == [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
        ], kinds
        title = mail["subject"].split(" ", 1)[1].rstrip("…")
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        assert title in text, (path, title, text)
        assert html.startswith("<!DOCTYPE html>") and html.endswith("</html>"), path
        for part in mail.walk():
            assert not part.defects, (path, part.defects)
            named = part["content-id"]
            assert named is None or f"cid:{named.strip('<>')}" in html
    assert len(ids) == len(mails), "each mail has an id of its own"


{"serve": serve, "check": check}[sys.argv[1]]()
