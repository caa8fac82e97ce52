"""Golden pages in Chromium, by its DevTools protocol over a pipe: standard library only."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

GOLDENS = pathlib.Path("tests/voice/snapshots")
REPORTS = [f"reports__{period}" for period in ("daily", "weekly", "monthly", "quarterly")]
HELD = [f"held__held_{period}" for period in ("daily", "weekly")]
PAGES = [f"{page}_{form}" for page in REPORTS + HELD for form in ("html", "mail")]
WIDTHS = {360: "phone", 1280: "desktop"}
# What a page without a script cannot say of itself: how wide it became, and what is cut off beside it.
MEASURE = """(() => {
  const page = document.documentElement;
  const wide = [...document.querySelectorAll('body *')].filter(e =>
    !e.closest('.wide') && !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 1);
  return JSON.stringify({width: page.scrollWidth, wide: wide.map(e => e.tagName + ' ' + e.textContent.slice(0, 40)),
    smallest: Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height), 99)});
})()"""


class Browser:
    """Chromium with its protocol on descriptors 3 and 4, messages ended by a zero byte."""

    def __init__(self, home):
        read_in, self.write = os.pipe()
        self.read, write_out = os.pipe()

        def hand_over():
            spare_in, spare_out = os.dup(read_in), os.dup(write_out)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        self.process = subprocess.Popen(
            ["chromium", *flags, f"--user-data-dir={home}", "about:blank"],
            preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read_in)
        os.close(write_out)
        self.number, self.rest, self.session, self.events = 0, b"", None, []

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise RuntimeError("chromium ended")
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while (answer := self.message()).get("id") != self.number:
            self.events.append(answer.get("method"))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def show(self, file, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=2, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        while "Page.loadEventFired" not in self.events:
            self.events.append(self.message().get("method"))
        measured = self.call("Runtime.evaluate", expression=MEASURE)["result"]["value"]
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        return json.loads(measured), base64.b64decode(picture)


def main(place):
    place.mkdir(parents=True, exist_ok=True)
    wrong, shown = [], 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(home)
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.call("Page.enable")
        for page in PAGES:
            golden = GOLDENS / f"voice__{page}.snap"
            html = golden.read_text().split("---\n", 2)[2]
            file = place / f"{page}.html"
            file.write_text(html)
            for width, device in WIDTHS.items():
                for scheme in ("light", "dark"):
                    found, picture = browser.show(file.resolve(), width, scheme)
                    (place / f"{page}-{device}-{scheme}.png").write_bytes(picture)
                    shown += 1
                    if found["width"] > width or found["wide"]:
                        wrong.append(f"{page} at {width} px is {found['width']} px wide: {found['wide'][:3]}")
                    if found["smallest"] < 8:
                        wrong.append(f"{page} at {width} px has words {found['smallest']:.1f} px high in a chart")
        browser.process.terminate()
        browser.process.wait()
    print(f"{shown} pictures in {place}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
