package portal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/api"
)

// loginData is the login page's.
type loginData struct {
	Next    string
	Problem string
}

const loginTitle = "Sign in"

// login shows the form into which a link is pasted. Who has followed one is signed in by
// the script: the code is in the fragment, which no server sees, and nothing uses it up but
// the exchange.
func login(v *visit) (response, error) {
	return v.show("login", loginTitle, &loginData{Next: ownPath(v.query("next"))})
}

// signIn opens a session for a link, its code, or a token of the API.
func signIn(v *visit) (response, error) {
	next := ownPath(v.field("next"))
	grant, err := v.admitted(v.field("key"))
	switch {
	case errors.Is(err, api.ErrCode), errors.Is(err, api.ErrToken):
		return v.page(http.StatusUnauthorized, "login", loginTitle, &loginData{
			next,
			"This link, code or token is not valid: it was used, has expired, or is not complete. A link works once, and for a few minutes: ask for a new one.",
		}), nil
	case err != nil:
		return nil, err
	}
	if err := v.Sessions.begin(v.header(), v.r, grant.token, grant.life); err != nil {
		return nil, err
	}
	return redirect(next, ""), nil
}

// entry is what lets somebody in.
type entry struct {
	token api.Token
	life  time.Duration
}

// maxKey is how long what is pasted may be.
const maxKey = 8 << 10

// admitted finds out what somebody has pasted: a link, the key or the code of one, or a
// token.
func (v *visit) admitted(text string) (entry, error) {
	if len(text) > maxKey || text == "" {
		return entry{}, api.ErrCode
	}
	if strings.Count(text, ".") == 2 && !strings.Contains(text, "#") {
		t, err := v.API.Tokens().Parse(v.ctx, strings.TrimPrefix(text, "Bearer "))
		if err != nil {
			return entry{}, err
		}
		return entry{t, min(maxVisit, t.Expires.Sub(v.Sessions.now()))}, nil
	}
	g, err := v.API.Redeem(v.ctx, codeOf(text))
	return entry{api.Token{Holder: g.Holder}, g.Life}, err
}

// codeOf returns the code in a link, in its key, or itself.
func codeOf(text string) string {
	if _, key, ok := strings.Cut(text, "#key="); ok {
		text = key
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return text
	}
	var key struct {
		Code string `json:"oneTimeToken"`
	}
	if json.Unmarshal(decoded, &key) != nil {
		return text
	}
	return key.Code
}

// signOut ends the session, for all gateways.
func signOut(v *visit) (response, error) {
	if err := v.Sessions.end(v.header(), v.r, &v.session); err != nil {
		return nil, err
	}
	return redirect(loginPath, "signed-out"), nil
}

// home leads to the first page that a session has.
func home(v *visit) (response, error) {
	switch v.session.Scope {
	case api.Application:
		return redirect(appPath(v.session.App, "endpoints"), ""), nil
	case api.Operator:
		return redirect(prefix+"/gateway", ""), nil
	}
	return redirect(prefix+"/apps", ""), nil
}
