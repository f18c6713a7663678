package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/hookgate/hookgate/store"
)

// RevokePath is where the operator has tokens revoked, on Caddy's admin endpoint.
const RevokePath = "/webhooks/tokens/revoke"

// revokeIn says which token is revoked: by its text, or by its id alone.
type revokeIn struct {
	Token string `json:"token"`
	ID    string `json:"id"`
}

// Revoked is the answer to who has a token revoked.
type Revoked struct {
	ID string `json:"id"`
	// Expires is when it would have ended by itself; zero if only its id is known.
	Expires time.Time `json:"expires,omitzero"`
	// Expired says that it had ended before.
	Expired bool `json:"expired,omitempty"`
}

// tokenID is what an id of ours looks like: it is written on command lines, and never
// begins as a flag does.
var tokenID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// AdminHandler revokes tokens, for the operator: POST {"token": …} or {"id": …}. It asks
// for no token itself; who can reach it may end any. Errors have the form of the
// operator's API.
func (t *Tokens) AdminHandler() http.Handler { return http.HandlerFunc(t.serveRevoke) }

func (t *Tokens) serveRevoke(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuseAdmin(w, http.StatusMethodNotAllowed, "method_not_allowed", "Only POST is possible here.")
		return
	}
	var in revokeIn
	decoder := json.NewDecoder(io.LimitReader(r.Body, 2*maxToken))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || (in.Token == "") == (in.ID == "") {
		refuseAdmin(w, http.StatusBadRequest, "invalid_body", `The body has to be {"token": …} or {"id": …}.`)
		return
	}
	token := Token{ID: in.ID}
	if in.Token != "" {
		var signed bool
		var err error
		if token, signed, err = t.Inspect(in.Token); err != nil || !signed {
			refuseAdmin(w, http.StatusBadRequest, "invalid_token", "This is no token that a key of this gateway has signed.")
			return
		}
	} else if !tokenID.MatchString(token.ID) {
		refuseAdmin(w, http.StatusBadRequest, "invalid_id", "The id of a token has 26 characters: letters from A to Z, and digits from 2 to 7.")
		return
	}
	answer := Revoked{ID: token.ID, Expires: token.Expires, Expired: !token.Expires.IsZero() && !token.Expires.After(t.now())}
	err := t.store.Do(r.Context(), func(tx *store.Tx) error {
		if in.Token != "" {
			return t.Revoke(tx, &token)
		}
		return t.RevokeID(tx, token.ID)
	})
	switch {
	case errors.Is(err, store.ErrFull):
		refuseAdmin(w, http.StatusServiceUnavailable, "unavailable", "The store is full.")
	case err != nil:
		refuseAdmin(w, http.StatusServiceUnavailable, "unavailable", "The store does not take this now. Try again later.")
	default:
		writeAdmin(w, http.StatusOK, answer)
	}
}

// RefuseRevocation answers in place of [Tokens.AdminHandler] where no API runs.
func RefuseRevocation(w http.ResponseWriter) {
	refuseAdmin(w, http.StatusServiceUnavailable, "not_running", "No webhook_portal is running in this process.")
}

// refuseAdmin answers as the operator's API does.
func refuseAdmin(w http.ResponseWriter, status int, typ, message string) {
	writeAdmin(w, status, map[string]any{"error": map[string]string{"type": typ, "message": message}})
}

func writeAdmin(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // these bodies can always be written
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who does not read it sees that
}
