package portal_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgate/hookgate/sender"
)

// A browser does all that a consumer comes for, with a script and without.
func TestBrowser(t *testing.T) {
	for name, how := range map[string]look{"with a script": desktop, "on a phone": {width: 390, height: 844}, "without a script": {width: 1280, height: 900, noScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, config{retry: []time.Duration{50 * time.Millisecond, 50 * time.Millisecond}})
			service := newReceiver(t)
			app := b.app("Acme")
			b.eventType(sender.EventTypeIn{Name: "invoice.paid", Schemas: []byte(`{"1":{"type":"object","examples":[{"invoice":"inv_7"}]}}`)})
			br := b.browser(how)
			link := b.link(ofApp(app.ID), time.Hour)
			br.comeIn(link)

			// Add an endpoint.
			br.sees("No endpoint yet")
			br.click("Add endpoint")
			br.fill("#url", "not a url")
			br.click("Add endpoint")
			br.sees("The URL must have no spaces")
			br.fill("#url", service.URL+"/hooks")
			br.fill("#description", "Our service")
			br.choose("Only these:")
			br.choose("invoice.paid")
			br.click("Add endpoint")
			br.sees("The endpoint is added.")

			// Send a test event, and see it succeed.
			br.click("Send test event")
			br.sees("Payload of")
			br.run("choosing a type", chromedp.Focus(chromedp.CSS("#type")), chromedp.SendKeys(chromedp.CSS("#type"), "invoice"))
			br.click("Take its example")
			br.sees("invoice.paid")
			br.fill("#payload", `{"invoice":"inv_8"}`)
			br.click("Send test event")
			br.sees("Succeeded")
			if n := service.received(); n != 1 {
				t.Errorf("%d webhooks", n)
			}

			// It fails, is tried again, and is given up; then the service is mended, and somebody
			// has it sent once more.
			service.says(http.StatusInternalServerError)
			br.fill("#payload", `{"invoice":"inv_9"}`)
			br.click("Send test event")
			br.sees("Failed")
			b.eventually("all attempts", func() bool { return service.received() == 4 })
			service.says(http.StatusOK)
			br.openMessage(app.ID)
			br.sees("500")
			br.click("Send again")
			b.eventually("the attempt by hand", func() bool { return service.received() == 5 })
			br.sees("Succeeded")

			// What fails is recovered since a date.
			service.says(http.StatusInternalServerError)
			for i := range 2 {
				b.message(app.ID, "invoice.paid", fmt.Sprintf(`{"invoice":%d}`, i))
			}
			b.eventually("they are given up", func() bool {
				n, err := b.sender.CountFailed(t.Context(), app.ID, b.onlyEndpoint(app.ID), time.Now().Add(-time.Hour), time.Time{}, 10)
				b.must(err)
				return n == 2
			})
			service.says(http.StatusOK)
			before := service.received()
			br.click("Endpoints")
			br.click(service.URL + "/hooks")
			br.click("Recover failed messages")
			br.sees("Since when?")
			br.click("Continue")
			br.sees("2 messages have failed")
			br.click("Recover")
			br.sees("Done")
			b.eventually("they are sent", func() bool { return service.received() == before+2 })

			// Rotate the secret.
			br.click("To the endpoint")
			br.click("Show, rotate, verify")
			br.click("Show")
			br.sees("It is not shown on any other page.")
			br.click("Rotate")
			br.click("Rotate the secret")
			br.sees("There is a new secret.")

			// Take a temporary URL, deliver to it, and see the verdict.
			br.click("Play")
			br.click("Take a URL")
			br.sees("Here is your temporary URL.")
			br.click("Add as endpoint")
			br.click("Add endpoint")
			br.sees("The endpoint is added.")
			br.click("Send test event")
			br.click("Send test event")
			br.sees("Succeeded")
			br.click("Play")
			br.run("opening the inbox", chromedp.Click(chromedp.CSS("td a.url"), chromedp.NodeVisible))
			br.sees("signature verifies")

			// Sign out; the link is used up.
			br.click("Sign out")
			br.sees("You are signed out.")
			br.comeIn(link)
			if how.noScript {
				br.sees("is not valid")
			} else {
				br.sees("This link is not valid any more")
			}
		})
	}
}

// comeIn follows a link, or without a script pastes it into the form.
func (b *browser) comeIn(link string) {
	b.Helper()
	if b.script {
		b.open(link)
		return
	}
	b.open("/login")
	b.fill("#key", link)
	b.click("Sign in")
}

// openMessage goes to the newest message of an application.
func (b *browser) openMessage(app string) {
	b.Helper()
	found, err := b.sender.Messages(b.Context(), app, sender.MessageFilter{})
	b.must(err)
	b.open(at(app, "messages", found.Data[0].ID))
}

// onlyEndpoint is the id of an application's endpoint.
func (b *bed) onlyEndpoint(app string) string {
	b.Helper()
	found, err := b.sender.Endpoints(b.Context(), app, sender.Page{})
	b.must(err)
	if len(found.Data) != 1 {
		b.Fatalf("%d endpoints", len(found.Data))
	}
	return found.Data[0].ID
}
