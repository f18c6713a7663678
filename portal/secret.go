package portal

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// secretData is the page of an endpoint's secret, and of how to verify with it.
type secretData struct {
	sender.Endpoint
	// Secret is empty until somebody has asked to see it.
	Secret   string
	Snippets []snippet
	// Asymmetric says that what the receiver has is a public key.
	Asymmetric bool
	Graces     []grace
	Problems   problems
}

// grace is how long an old secret goes on signing beside the new one.
type grace struct {
	Seconds int
	Label   string
}

var graces = []grace{{86400, "24 hours"}, {3600, "1 hour"}, {7 * 86400, "7 days"}, {0, "not at all: it has leaked"}}

// showSecret shows how to verify what an endpoint gets, and its secret only as far as there
// is one.
func showSecret(v *visit) (response, error) {
	d, err := v.secretData()
	if err != nil {
		return nil, err
	}
	return v.show("secret", "Signing secret", d)
}

func (v *visit) secretData() (*secretData, error) {
	ep, err := v.Sender.Endpoint(v.ctx, v.app.ID, v.path("endpoint"))
	if err != nil {
		return nil, err
	}
	secret, err := v.Sender.EndpointSecret(v.ctx, v.app.ID, ep.ID)
	if err != nil {
		return nil, err
	}
	d := &secretData{Endpoint: ep, Graces: graces, Asymmetric: isPublicKey(secret)}
	d.Snippets, err = snippetsFor(ep.Scheme, d.Asymmetric)
	return d, err
}

// revealSecret shows the secret of an endpoint, which is logged.
func revealSecret(v *visit) (response, error) {
	d, err := v.secretData()
	if err != nil {
		return nil, err
	}
	if d.Secret, err = v.Sender.EndpointSecret(v.ctx, v.app.ID, d.ID); err != nil {
		return nil, err
	}
	v.Logger.Info("the secret of an endpoint is shown in the portal", slog.String("app", v.app.ID), slog.String("endpoint", d.ID),
		slog.String("scope", string(v.session.Scope)), slog.String("session", v.session.ID))
	return v.show("secret", "Signing secret", d)
}

// rotateSecret gives an endpoint a new secret.
func rotateSecret(v *visit) (response, error) {
	seconds, err := strconv.Atoi(v.field("grace"))
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "This form cannot be read", "It does not say how long the old secret is to go on signing. Go back and try again."}
	}
	err = v.change(func(tx *store.Tx) error {
		return v.Sender.RotateSecret(tx, v.app.ID, v.path("endpoint"), v.field("key"), time.Duration(seconds)*time.Second)
	})
	if wrong, ok := problemsOf(err, "key", "gracePeriodSeconds"); ok {
		d, err := v.secretData()
		if err != nil {
			return nil, err
		}
		d.Problems = wrong
		return v.again("secret", "Signing secret", d)
	}
	if err != nil {
		return nil, err
	}
	v.Logger.Info("the secret of an endpoint is rotated in the portal", slog.String("app", v.app.ID), slog.String("endpoint", v.path("endpoint")))
	return redirect(v.at("endpoints", v.path("endpoint"), "secret"), "secret-rotated"), nil
}
