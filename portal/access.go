package portal

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// accessLife is how long a session lasts of a link that [Portal.serveAccess] has made, and
// its token: as with the API.
const accessLife = 7 * 24 * time.Hour

// accessError is how [Portal.serveAccess] refuses.
type accessError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// The refusals of access, in the words that callers know.
var (
	errMissing = accessError{"missing_authorization", "Your request does not include an 'Authorization' header with a bearer token for your account."}
	errExpired = accessError{"expired_token", "The bearer token you have provided in the 'Authorization' header has expired. Please obtain a new one."}
	errInvalid = accessError{"invalid_authorization", "The bearer token you have provided in the 'Authorization' header is invalid."}
)

// serveAccess answers who has a token with a link to the portal: of the token's
// application, or of the one that the query's application names, by id or uid, if it is a
// token of the organisation. A token in the query is refused: queries are logged.
func (p *Portal) serveAccess(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // who is gone misses nothing
	}
	refuse := func(status int, e accessError) {
		answer(status, struct {
			Error accessError `json:"error"`
		}{e})
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 || values[0] == "" {
		refuse(http.StatusUnauthorized, errMissing)
		return
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if len(values) != 1 || !strings.EqualFold(scheme, "Bearer") {
		refuse(http.StatusUnauthorized, errInvalid)
		return
	}
	link, err := p.access(r, strings.TrimSpace(text))
	switch {
	case err == nil:
		answer(http.StatusOK, struct {
			URL string `json:"url"`
		}{link})
	case errors.Is(err, api.ErrExpired):
		refuse(http.StatusUnauthorized, errExpired)
	case errors.Is(err, api.ErrToken):
		refuse(http.StatusUnauthorized, errInvalid)
	case errors.Is(err, sender.ErrNotFound):
		refuse(http.StatusNotFound, accessError{"not_found", "There is no such application."})
	case errors.Is(err, errWhich):
		refuse(http.StatusBadRequest, accessError{"invalid_request", "This token is for all applications: name one in the query, as in ?application=app_…"})
	default:
		p.Logger.Error("making a link to the portal", slog.Any("error", err))
		w.Header().Set("Retry-After", "10")
		refuse(http.StatusServiceUnavailable, accessError{"unavailable", "The store does not answer now. Try again later."})
	}
}

// errWhich says that a token is for more than one application.
var errWhich = errors.New("portal: no application is named")

// access makes a link for who has a token. The link allows what the token does.
func (p *Portal) access(r *http.Request, text string) (string, error) {
	t, err := p.API.Tokens().Parse(r.Context(), text)
	if err != nil {
		return "", err
	}
	g := api.Grant{Holder: t.Holder, Life: min(accessLife, t.Expires.Sub(p.Sessions.now()))}
	g.Parent = cmp.Or(t.Parent, t.ID)
	if t.Scope != api.Application {
		ref := clip(r.URL.Query().Get("application"))
		if ref == "" {
			return "", errWhich
		}
		app, err := p.Sender.Application(r.Context(), ref)
		if err != nil {
			return "", err
		}
		g.Scope, g.App = api.Application, app.ID
	} else if _, err := p.Sender.Application(r.Context(), t.App); errors.Is(err, sender.ErrNotFound) {
		return "", errors.Join(api.ErrToken, err)
	}
	var link string
	err = p.Store.Do(r.Context(), func(tx *store.Tx) (err error) {
		link, err = p.API.Link(tx, r, g)
		return err
	})
	return link, err
}
