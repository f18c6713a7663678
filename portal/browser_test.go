package portal_test

import (
	"testing"
	"time"
)

// With a browser, a consumer helps himself.
func TestBrowser(t *testing.T) {
	for name, how := range map[string]look{"with a script": desktop, "without": {width: 1280, height: 900, noScript: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, config{})
			app := b.app("Acme")
			br := b.browser(how)
			link := b.link(ofApp(app.ID), time.Hour)
			if how.noScript {
				br.open("/login")
				br.fill("#key", link)
				br.click("Sign in")
			} else {
				br.open(link)
			}
			br.sees("No endpoint yet")
		})
	}
}
