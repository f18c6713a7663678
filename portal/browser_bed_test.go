package portal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/internal/faults"
)

// browsing is how long one step of a browser may take.
const browsing = 30 * time.Second

// browser is a tab of Chromium. Whatever a page logs as an error, or throws, or a dialog that
// it opens, fails the test; so does a request that leaves the host.
type browser struct {
	*bed
	tab context.Context
	// script says that pages have one.
	script bool
}

// chromium returns Debian's browser; without it the test is skipped, or fails where it has
// to be there.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	faults.Missing(t, "chromium")
	return ""
}

// look is how a browser looks at pages.
type look struct {
	width, height int64
	dark          bool
	noScript      bool
}

var desktop = look{width: 1280, height: 900}

func (b *bed) browser(how look) *browser {
	b.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(b)), chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(b.TempDir()))
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	b.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(alloc)
	b.Cleanup(cancel)
	br := &browser{b, tab, !how.noScript}
	br.watch()
	scheme := "light"
	if how.dark {
		scheme = "dark"
	}
	br.run("starting the browser",
		command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}), command(page.Enable, page.EnableParams{}), command(runtime.Enable, cdp.Empty{}),
		command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: how.width, Height: how.height, DeviceScaleFactor: 1, Mobile: how.width < 600}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: how.noScript}),
	)
	return br
}

// step is something that a browser does.
type step = chromedp.Action[chromedp.Void]

// command is a step that is a command of the protocol.
func command[P, R any](c cdp.Command[P, R], params P) step {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, c, params)
		return chromedp.Void{}, err
	}
}

// watch makes what must not happen in a page fail the test.
func (b *browser) watch() {
	b.must(chromedp.Listen(b.tab, func(event any) {
		switch e := event.(type) {
		case *page.EventJavascriptDialogOpening:
			b.Errorf("a page has opened a dialog: %s", e.Message)
			go func() { _ = b.try(command(page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})) }()
		case *runtime.EventExceptionThrown:
			b.Errorf("a page has thrown: %s", e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			expected := strings.Contains(e.Entry.Text, "Failed to load resource") // a status that a step asks for
			if e.Entry.Level == log.EntryLevelError && !expected {
				b.Errorf("a page has logged: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *network.EventRequestWillBeSent:
			if to := e.Request.URL; !strings.HasPrefix(to, b.url) && !strings.HasPrefix(to, "data:") && !strings.HasPrefix(to, "about:") {
				b.Errorf("a page has sent a request to %s", to)
			}
		}
	}))
}

// run makes steps, which have to succeed in time.
func (b *browser) run(what string, steps ...step) {
	b.Helper()
	if err := b.try(steps...); err != nil {
		at, _ := ask(b, chromedp.Location())
		shown, _ := ask(b, chromedp.Text(chromedp.CSS("body")))
		b.Fatalf("%s: %v\nat %s:\n%s", what, err, at, shown)
	}
}

// try makes steps, and makes them again if the page gave way to another meanwhile, before
// anything was done to it.
func (b *browser) try(steps ...step) error {
	ctx, cancel := context.WithTimeout(b.tab, browsing)
	defer cancel()
	for {
		err := chromedp.Do(ctx, steps...)
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "node with given id") {
			return err
		}
	}
}

// ask makes a step that finds something out.
func ask[T any](b *browser, a chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.tab, browsing)
	defer cancel()
	return chromedp.Run(ctx, a)
}

// open goes to a page.
func (b *browser) open(path string) {
	b.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.url + path
	}
	b.run("opening "+path, chromedp.Navigate("about:blank"), chromedp.Navigate(path))
}

// as signs in as somebody: by a link, or with a token.
func (b *browser) as(h api.Holder) {
	b.Helper()
	if h.Scope == api.Application {
		b.comeIn(b.link(h, time.Hour))
	} else {
		b.open("/login")
		b.fill("#key", b.mint(h))
		b.click("Sign in")
	}
	b.sees("Sign out")
}

// click follows a link, or presses a button or summary, that has a text: with the keyboard,
// as everybody has to be able to, and wherever it is when the page has settled.
func (b *browser) click(text string) {
	b.Helper()
	it := chromedp.Search(fmt.Sprintf(`//*[(self::a or self::button or self::summary) and normalize-space()=%q]`, text))
	b.run("clicking "+text, chromedp.Focus(it, chromedp.NodeVisible), chromedp.KeyEvent("\r"))
}

// choose clicks the label of a choice.
func (b *browser) choose(text string) {
	b.Helper()
	b.run("choosing "+text, chromedp.Click(chromedp.Search(fmt.Sprintf(`//label[normalize-space()=%q]`, text)), chromedp.NodeVisible))
}

// fill types into a field, in place of what is in it.
func (b *browser) fill(selector, text string) {
	b.Helper()
	b.run("filling in "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible),
		chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), command(input.InsertText, input.InsertTextParams{Text: text}))
}

// text is what the page shows. While one page gives way to another there is none, for a
// moment.
func (b *browser) text() (shown string) {
	b.Helper()
	var err error
	for deadline := time.Now().Add(browsing); ; time.Sleep(20 * time.Millisecond) {
		if shown, err = ask(b, chromedp.Text(chromedp.CSS("body"))); err == nil {
			return shown
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
}

// sees waits until the page shows a text. Without a script somebody has to reload it.
func (b *browser) sees(text string) {
	b.Helper()
	shown := ""
	for deadline := time.Now().Add(browsing); ; {
		if shown = b.text(); strings.Contains(shown, text) {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("the page does not show %q:\n%s", text, shown)
		}
		if b.script {
			time.Sleep(50 * time.Millisecond)
		} else {
			time.Sleep(200 * time.Millisecond)
			b.run("reloading", chromedp.Reload())
		}
	}
}

// shoot saves a picture of the whole page.
func (b *browser) shoot(folder, name string) {
	b.Helper()
	picture, err := ask(b, chromedp.FullScreenshot(100))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
}
