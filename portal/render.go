package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
)

//go:embed pages/*.html
var pageFiles embed.FS

// readPages parses pages/: each file that does not begin with an underscore is a page,
// and can use those that do.
func (p *Portal) readPages() (map[string]*template.Template, error) {
	files, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	base := template.New("").Funcs(functions).Funcs(template.FuncMap{"static": p.staticURL})
	if base, err = base.ParseFS(pageFiles, "pages/_*.html"); err != nil {
		return nil, fmt.Errorf("the frame of pages: %w", err)
	}
	pages := make(map[string]*template.Template)
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if strings.HasPrefix(name, "_") {
			continue
		}
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(pageFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
}

// frame is what every page is made of.
type frame struct {
	Title, Brand string
	Session      *api.Token          // nil if nobody has signed in
	App          *sender.Application // nil if the page is of none
	// Here is the path of the page, by which its place in the navigation is shown.
	Here string
	// Notice says what was done before.
	Notice string
	// Data is the page's own.
	Data any
}

// May reports whether the session has a capability.
func (f *frame) May(c api.Capability) bool { return f.Session != nil && f.Session.May(c) }

// Is reports whether the session is of a scope.
func (f *frame) Is(s api.Scope) bool { return f.Session != nil && f.Session.Scope == s }

// At is a path of the page's application.
func (f *frame) At(parts ...string) string { return appPath(f.App.ID, parts...) }

// notices are what a page says that was just done, by the word for it in the query. Texts
// from outside are never shown so.
var notices = map[string]string{ //nolint:gosec // words, and no credentials
	"signed-out": "You are signed out.",

	"endpoint-added":    "The endpoint is added. Send it a test event to see whether it works.",
	"endpoint-saved":    "The endpoint is saved.",
	"endpoint-enabled":  "The endpoint is enabled.",
	"endpoint-disabled": "The endpoint is disabled: nothing is sent to it.",
	"endpoint-deleted":  "The endpoint is deleted.",
	"secret-rotated":    "There is a new secret. The old one goes on signing beside it for as long as you have said.",
	"header-set":        "The header is set: it is sent with each message from now on.",
	"header-unset":      "The header is removed.",

	"resent": "The message is sent again. The attempt is listed below once it has ended.",

	"gateway-paused":    "It is paused: events are stored, and wait.",
	"gateway-resumed":   "It goes on: what waits is delivered, the oldest first.",
	"gateway-retried":   "The next attempt is due now.",
	"gateway-erased":    "The payload is erased.",
	"gateway-forgotten": "It is forgotten: its next copy is a new event.",
	"gateway-canceled":  "The job has ended. What it has made due stays so.",

	"play-taken":   "Here is your temporary URL.",
	"play-answer":  "This is how it answers from now on.",
	"play-deleted": "The temporary URL is deleted, with all that it has received.",
}

const pageType = "text/html; charset=utf-8"

// page shows a page.
func (v *visit) page(status int, name, title string, data any) response {
	return func(v *visit) error {
		f := &frame{Title: title, Brand: v.Brand, Here: v.r.URL.Path, Notice: notices[v.query("done")], Data: data}
		if v.session.ID != "" {
			f.Session = &v.session
		}
		if v.app.ID != "" {
			f.App = &v.app
		}
		out := new(bytes.Buffer)
		if err := v.pages[name].ExecuteTemplate(out, "frame", f); err != nil {
			return fmt.Errorf("page %s: %w", name, err)
		}
		v.header().Set("Content-Type", pageType)
		if status != http.StatusOK {
			v.w.WriteHeader(status)
			_, _ = v.w.Write(out.Bytes()) // who is gone misses nothing
			return nil
		}
		shown := tagged(out.Bytes())
		v.keep(shown)
		v.answer(shown)
		return nil
	}
}

// show shows a page that was found.
func (v *visit) show(name, title string, data any) (response, error) {
	return v.page(http.StatusOK, name, title, data), nil
}

// again shows a form once more, with what is wrong with it.
func (v *visit) again(name, title string, data any) (response, error) {
	return v.page(http.StatusUnprocessableEntity, name, title, data), nil
}

// answer shows a page, unless it is what the script has.
func (v *visit) answer(page keptPage) {
	if v.r.Method == http.MethodGet {
		v.header().Set("ETag", page.tag)
		if v.r.Header.Get("If-None-Match") == page.tag {
			v.w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	_, _ = v.w.Write(page.body) // who is gone misses nothing
}

// tagged is a page with its tag.
func tagged(body []byte) keptPage {
	sum := sha256.Sum256(body)
	return keptPage{tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, body: body}
}
