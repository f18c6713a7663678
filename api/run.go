package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// run checks who calls, and what with, and does what the route does.
func (a *API) run(rt *route, w http.ResponseWriter, r *http.Request) (answer, error) {
	c := &call{API: a, ctx: r.Context(), r: r, header: w.Header(), app: r.PathValue("app_id"), idempotency: r.Header.Get("Idempotency-Key")}
	if rt.access != Public {
		if err := c.authorise(rt); err != nil {
			return answer{}, err
		}
	}
	var err error
	if c.query, err = parseQuery(r.URL.RawQuery); err != nil {
		return answer{}, err
	}
	if rt.access == Public {
		r.Body = http.MaxBytesReader(w, r.Body, maxPublicBody)
	}
	in, err := rt.body(w, r)
	if err != nil {
		return answer{}, err
	}
	idempotent := r.Method == http.MethodPost && c.idempotency != ""
	switch {
	case rt.read != nil:
		return rt.read(c, in)
	case rt.act != nil && idempotent:
		return c.actOnce(rt, in)
	case rt.act != nil:
		return rt.act(c, in)
	case idempotent:
		return c.changeOnce(rt, in)
	}
	var got answer
	err = a.store.Do(c.ctx, func(tx *store.Tx) (err error) {
		if err = a.sweepSometimes(tx); err == nil {
			got, err = rt.change(c, tx, in)
		}
		return err
	})
	if err != nil {
		return answer{}, err // got may be written yet, if nobody waited for it
	}
	return got, nil
}

// authorise finds out whose the token is, and whether the route is for them.
func (c *call) authorise(rt *route) error {
	text, err := bearer(c.r)
	if err != nil {
		return err
	}
	if c.token, err = c.tokens.Parse(c.ctx, text); err != nil {
		if errors.Is(err, ErrToken) {
			return errors.Join(errToken, err)
		}
		return err
	}
	application := c.token.Scope == Application
	switch {
	case rt.access == Organisations && application, rt.access == Applications && !application:
		return errDenied
	case rt.needs != "" && !c.token.May(rt.needs):
		return errDenied
	case rt.access == Owners && application:
		return c.own()
	}
	return nil
}

// own makes sure that the path names the application whose the token is. There is no
// other for it.
func (c *call) own() error {
	if c.app == c.token.App {
		return nil
	}
	app, err := c.sender.Application(c.ctx, c.app)
	switch {
	case errors.Is(err, sender.ErrNotFound):
		return errNoApplication
	case err != nil:
		return err
	case app.ID != c.token.App:
		return errNoApplication
	}
	c.app = app.ID // the uid may be another application's a moment later
	return nil
}

// bearer returns the token of a request.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", errToken
	}
	scheme, text, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", errToken
	}
	return strings.TrimSpace(text), nil
}

// subject is whose calls are told apart by their Idempotency-Keys.
func (c *call) subject() string { return string(c.token.Scope) + "/" + c.token.subject() }
