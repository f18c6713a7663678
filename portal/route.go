package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// access is whose sessions a route is for.
type access int

const (
	public       access = iota
	signedIn            // whoever has a session
	owners              // those of the application that the path names, and the organisation's
	organisation        // the organisation's and operators'
	operators
)

// route is a row of the table: a page, or something that is done.
type route struct {
	method, path string
	access       access
	// needs is what a session of an application has to be capable of.
	needs api.Capability
	do    func(*visit) (response, error)
}

// response writes what has come of a visit.
type response func(*visit) error

// visit is a request on its way through a route.
type visit struct {
	*Portal
	ctx context.Context
	w   http.ResponseWriter
	r   *http.Request
	// session is zero on public routes.
	session api.Token
	// app is the one that the path names; zero if it names none.
	app sender.Application
}

func (p *Portal) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{Portal: p, ctx: r.Context(), w: w, r: r}
}

func (v *visit) header() http.Header { return v.w.Header() }

// path returns a part of the path.
func (v *visit) path(name string) string { return v.r.PathValue(name) }

// query returns a parameter of the query, cut to a length that no sensible one has.
func (v *visit) query(name string) string { return clip(v.r.URL.Query().Get(name)) }

// field returns a field of the form.
func (v *visit) field(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// clip cuts what is meant to be short.
func clip(text string) string { return text[:min(len(text), 512)] }

// errNoSession says that nobody has signed in.
var errNoSession = errors.New("portal: no session")

// admit finds out whose the session is, whether the route is for them, and which
// application the path names. To others there is no such application.
func (v *visit) admit(rt *route) (err error) {
	if rt.access == public {
		return nil
	}
	switch v.session, err = v.Sessions.find(v.r); {
	case errors.Is(err, api.ErrToken):
		return errors.Join(errNoSession, &refusal{http.StatusUnauthorized, "You are not signed in", "Your visit has ended, or was ended. Follow a new link, then try again: nothing was changed."})
	case err != nil:
		return err
	}
	application := v.session.Scope == api.Application
	switch {
	case rt.access == operators && v.session.Scope != api.Operator, rt.access == organisation && application:
		return errNoPage
	case rt.access == owners:
		if v.app, err = v.Sender.Application(v.ctx, v.path("app")); err != nil {
			return err
		}
		if application && v.app.ID != v.session.App {
			return errNoPage
		}
	}
	if rt.needs != "" && !v.session.May(rt.needs) {
		return errDenied
	}
	return nil
}

// change makes a change of the store.
func (v *visit) change(do func(*store.Tx) error) error { return v.Store.Do(v.ctx, do) }

// at is a path of the visit's application.
func (v *visit) at(parts ...string) string { return appPath(v.app.ID, parts...) }

// appPath is a path of an application.
func appPath(app string, parts ...string) string {
	escaped := []string{prefix, "app", url.PathEscape(app)}
	for _, part := range parts {
		escaped = append(escaped, url.PathEscape(part))
	}
	return strings.Join(escaped, "/")
}

// redirect goes on to another page of the portal, which says what was done: with the word
// for it in [notices], if that is not empty.
func redirect(to, done string) response {
	return func(v *visit) error {
		if done != "" {
			mark := "?"
			if strings.Contains(to, "?") {
				mark = "&"
			}
			to += mark + url.Values{"done": {done}}.Encode()
		}
		v.header().Set("Location", to)
		v.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
}

// nextQuery is the query with which the login page leads back to where somebody was.
func nextQuery(r *http.Request) string {
	return url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// ownPath returns where to go on, if that is a page of the portal, and else its first page.
// It is never another site's: it has one slash in front, no backslash and nothing that
// browsers leave out.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || len(next) > sender.MaxURL ||
		!strings.HasPrefix(u.Path, prefix+"/") || strings.TrimSuffix(u.Path, "/") != path.Clean(u.Path) || strings.ContainsFunc(u.Path, func(c rune) bool { return c < ' ' || c == '\\' || c == 0x7f }) {
		return prefix + "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}
