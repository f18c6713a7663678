package portal_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgate/hookgate/internal/faults"
)

const axeVersion = "4.14.1"

// axe returns the script of axe-core, which finds what people with a disability would stumble
// over. This needs npm and the registry of its packages.
func axe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		faults.Missing(t, "npm")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "axe-core@"+axeVersion)
	if out, err := install.CombinedOutput(); err != nil {
		t.Logf("npm install: %s", out)
		faults.Missing(t, "the package axe-core@"+axeVersion+" of npm")
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// findings are the serious ones of axe on a page, in words.
const findings = `(async () => {
	const result = await axe.run(document, { resultTypes: ["violations"] });
	return result.violations.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join(" | "));
})()`

// overflow is what sticks out of the page to the side, where it is out of sight, but for what
// can be scrolled in a part of the page.
const overflow = `(() => {
	const wide = document.documentElement.clientWidth;
	return [...document.querySelectorAll("body *")].filter(e => {
		const box = e.getBoundingClientRect();
		return box.right > wide + 1 && box.width > 1 && !e.closest(".scroll, pre, nav, .skip, svg, .visually-hidden");
	}).map(e => e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right));
})()`

// On no page there is a serious finding of axe, or something that is cut off: wide and narrow,
// light and dark. Where HOOKGATE_PICTURES names a folder, a picture of each is left there, in
// all four ways; docs/portal/take does so.
func TestAccessibility(t *testing.T) {
	chromium(t)
	script, folder := axe(t), os.Getenv("HOOKGATE_PICTURES")
	b, visits := furnished(t)
	looks := map[string]look{"wide": desktop, "narrow-dark": {width: 390, height: 844, dark: true}}
	if folder != "" {
		looks["narrow"], looks["wide-dark"] = look{width: 390, height: 844}, look{width: 1280, height: 900, dark: true}
	}
	for name, how := range looks {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.TB = t
			br := b.browser(how)
			for _, who := range visits {
				br.as(who.holder)
				for _, p := range who.pages {
					br.open(p.path)
					br.sees(p.shows)
					if folder != "" {
						br.shoot(folder, p.name+"-"+name)
					}
					for _, part := range []string{script + ";" + findings, overflow} {
						found, err := ask(br, chromedp.Evaluate[[]string](part, chromedp.EvalAwaitPromise))
						b.must(err)
						for _, f := range found {
							t.Errorf("%s: %s", p.name, f)
						}
					}
				}
			}
		})
	}
}
