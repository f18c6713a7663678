package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// accessIn says what access to the portal is for.
type accessIn struct {
	Application  field[applicationIn] `json:"application"`
	Capabilities field[[]Capability]  `json:"capabilities"`
	Expiry       field[int64]         `json:"expiry" api:"min=3600,max=604800"`
	FeatureFlags field[[]string]      `json:"featureFlags"`
	SessionID    field[string]        `json:"sessionId" api:"nonempty"`
	ReadOnly     field[bool]          `json:"readOnly"`
}

// accessOut is a link to the portal, and a token of the application.
type accessOut struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

const (
	// usualAccess is how many seconds access to the portal lasts.
	usualAccess = 7 * 86400
	maxFlags    = 100
	maxName     = 256
	maxSession  = 64
)

// grant checks what access is asked for, of no application yet.
func (in *accessIn) grant() (Grant, error) {
	g := Grant{Life: time.Duration(in.Expiry.or(usualAccess)) * time.Second}
	g.Scope, g.Session, g.FeatureFlags = Application, in.SessionID.or(""), in.FeatureFlags.or(nil)
	if !plain(g.Session, "@_-", maxSession) {
		return g, invalid("", "it has to be 1 to 64 characters out of a-z, A-Z, 0-9, @ _ and -", "body", "sessionId")
	}
	if len(g.FeatureFlags) > maxFlags || slices.ContainsFunc(g.FeatureFlags, func(flag string) bool { return flag == "" || !plain(flag, "-_.:+", maxName) }) {
		return g, invalid("", "there are at most 100 of them, each of 1 to 256 characters out of a-z, A-Z, 0-9, - _ . : and +", "body", "featureFlags")
	}
	if in.Capabilities.has() {
		g.Capabilities = slices.Compact(slices.Sorted(slices.Values(in.Capabilities.value)))
		for _, one := range g.Capabilities {
			if !slices.Contains(Capabilities, one) {
				return g, invalid("value_error.jsondecode", fmt.Sprintf("unknown capability; there are %v", Capabilities), "body", "capabilities")
			}
		}
		if g.Capabilities == nil {
			g.Capabilities = []Capability{}
		}
	}
	if in.ReadOnly.or(false) {
		g.Capabilities = []Capability{ViewBase}
	}
	return g, nil
}

// plain reports whether a text is empty, or of few enough letters, digits and others.
func plain(text, others string, most int) bool {
	return len(text) <= most && !slices.ContainsFunc([]rune(text), func(c rune) bool {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80
		return !letter && (c < '0' || c > '9') && !slices.Contains([]rune(others), c)
	})
}

// portalAccess makes a link and a token, and the application if there is none and the
// body says of what. It ignores the body's if there is one.
func portalAccess(c *call, tx *store.Tx, in *accessIn) (int, accessOut, error) {
	g, err := in.grant()
	if err != nil {
		return 0, accessOut{}, err
	}
	if g.App, err = c.applicationOr(tx, in.Application); err != nil {
		return 0, accessOut{}, err
	}
	_, token, err := c.tokens.Mint(g.Holder, g.Life)
	if err != nil {
		return 0, accessOut{}, err
	}
	url, err := c.Link(tx, c.r, g)
	return http.StatusOK, accessOut{url, token}, err
}

// applicationOr returns the id of the application that the path names, which is made of
// the body if there is none.
func (c *call) applicationOr(tx *store.Tx, in field[applicationIn]) (string, error) {
	app, err := c.sender.Application(c.ctx, c.app)
	if err == nil || !errors.Is(err, sender.ErrNotFound) {
		return app.ID, err
	}
	switch {
	case !in.has():
		return "", errNoApplication
	case !in.value.UID.has():
		return "", invalid("application_uid_missing", "The application's uid has to be given, and be what the path names", "body", "application", "uid")
	case in.value.UID.value != c.app:
		return "", invalid("application_uid_mismatch", "The application's uid has to be what the path names", "body", "application", "uid")
	}
	app, _, err = c.sender.EnsureApplication(tx, in.value.application())
	return app.ID, err
}

// Link returns where a grant can be exchanged, once, for who has made the request. The code
// is in the fragment: it is in no log, and following the link alone does not use it up.
func (a *API) Link(tx *store.Tx, r *http.Request, g Grant) (string, error) {
	code, err := a.issueCode(tx, g)
	if err != nil {
		return "", err
	}
	key, err := json.Marshal(struct {
		App    string `json:"appId"`
		Code   string `json:"oneTimeToken"`
		Region string `json:"region"`
	}{g.App, code, "self"})
	if err != nil {
		return "", fmt.Errorf("writing a link: %w", err)
	}
	login := "/login"
	if a.brand != "" {
		login += "?" + url.Values{"brand": {a.brand}}.Encode()
	}
	return a.Base(r) + login + "#key=" + base64.StdEncoding.EncodeToString(key), nil
}

// Base is how people reach the portal, "https://host": as configured, or else as the
// request has done.
func (a *API) Base(r *http.Request) string {
	switch {
	case a.url != "":
		return a.url
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func dashboardAccess(c *call, tx *store.Tx, _ *none) (int, accessOut, error) {
	return portalAccess(c, tx, &accessIn{})
}

// expireIn says which tokens of an application end, and when.
type expireIn struct {
	Expiry     field[int64]    `json:"expiry" api:"min=0,max=259200"`
	SessionIDs field[[]string] `json:"sessionIds"`
}

const maxSessions = 1000

func expireAll(c *call, tx *store.Tx, in *expireIn) (int, none, error) {
	sessions := in.SessionIDs.or(nil)
	if len(sessions) > maxSessions || slices.ContainsFunc(sessions, func(s string) bool { return s == "" || !plain(s, "@_-", maxSession) }) {
		return 0, none{}, invalid("", "there are at most 1000 of them, each of 1 to 64 characters out of a-z, A-Z, 0-9, @ _ and -", "body", "sessionIds")
	}
	app, err := c.sender.Application(c.ctx, c.app)
	if err == nil {
		err = c.tokens.ExpireAll(tx, app.ID, sessions, time.Duration(in.Expiry.or(0))*time.Second)
	}
	return http.StatusNoContent, none{}, err
}

// logout ends the token that it comes with.
func logout(c *call, tx *store.Tx, _ *none) (int, none, error) {
	return http.StatusNoContent, none{}, c.tokens.Revoke(tx, &c.token)
}

// codeIn is the code of a link.
type codeIn struct {
	OneTimeToken field[string] `json:"oneTimeToken" api:"required,nonempty"`
}

// codeOut is the token that a code is exchanged for, and what it may be used for.
type codeOut struct {
	Token        string       `json:"token"`
	Capabilities []Capability `json:"capabilities"`
}

func exchangeCode(c *call, in *codeIn) (int, codeOut, error) {
	g, err := c.Redeem(c.ctx, in.OneTimeToken.value)
	if errors.Is(err, ErrCode) {
		return 0, codeOut{}, errToken
	}
	if err != nil {
		return 0, codeOut{}, err
	}
	token, text, err := c.tokens.Mint(g.Holder, g.Life)
	if err == nil && c.signIn != nil {
		err = c.signIn(c.header, c.r, token)
	}
	capabilities := g.Capabilities
	if capabilities == nil {
		capabilities = Capabilities
	}
	return http.StatusOK, codeOut{text, capabilities}, err
}
