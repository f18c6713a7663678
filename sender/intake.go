package sender

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgate/hookgate/verifier"
)

// typeOfBody is where an event's type is if the URL does not say it.
const typeOfBody verifier.Ref = "json:/type"

// IntakeOptions are the settings of an [Intake].
type IntakeOptions struct {
	// Tokens returns those of which each caller has to bring one. Nil, not empty, opens
	// the intake to callers at a loopback address or a unix socket.
	Tokens func() []string
	// MaxBody is the largest body in bytes. Default: [MaxPayload].
	MaxBody int64
	// ReadTimeout is how long a body may take to arrive. Default: 10s.
	ReadTimeout time.Duration
	// Accept stores an event, and sees to its delivery.
	Accept Accept
	// Logger takes what went wrong on our side. Default: discard.
	Logger *slog.Logger
}

// Intake takes the events of a producer over HTTP: each POST is one. Its answer is 202
// with {"id": …} once the event is on the disk, and otherwise one of [IntakeRefusals].
// It is safe for concurrent use.
type Intake struct {
	IntakeOptions
	producer *Producer
	browsers *http.CrossOriginProtection
	trouble  rate.Sometimes // is logged
}

// NewIntake returns the intake of a producer.
func NewIntake(p *Producer, o IntakeOptions) *Intake {
	if o.MaxBody <= 0 {
		o.MaxBody = MaxPayload
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Intake{IntakeOptions: o, producer: p, browsers: http.NewCrossOriginProtection(), trouble: rate.Sometimes{First: 10, Interval: time.Minute}}
}

// ServeHTTP takes one event.
func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := in.take(w, r)
	if err != nil {
		in.refuse(w, err)
		return
	}
	writeIntake(w, http.StatusAccepted, map[string]string{"id": id})
}

// take reads an event, and returns the id under which it is safe.
func (in *Intake) take(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", refusedIntake(wrongMethod, "events are sent with POST")
	}
	if err := in.admit(r); err != nil {
		return "", err
	}
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) > 1 || len(keys) == 1 && keys[0] == "" {
		return "", refusedIntake(badEvent, "Idempotency-Key has to be there once, and to say something, or not at all")
	}
	body, err := in.read(w, r)
	if err != nil {
		return "", err
	}
	event := Event{Type: r.URL.Query().Get("type"), Body: body, ContentType: r.Header.Get("Content-Type")}
	if len(keys) == 1 {
		event.ID = keys[0]
	}
	if event.Type == "" {
		event.Type = typeOfBody.Text(body)
	}
	if event.Type == "" {
		return "", refusedIntake(badEvent, `the event has no type: add ?type=… to the URL, or a member "type" to the JSON body`)
	}
	id, _, err := in.producer.Send(context.WithoutCancel(r.Context()), in.Accept, event)
	return id, err
}

// admit tells callers that may send from all others.
func (in *Intake) admit(r *http.Request) error {
	if in.Tokens == nil {
		switch {
		case !local(r):
			return refusedIntake(noToken, "events are taken without a token only at a loopback address or a unix socket")
		case in.browsers.Check(r) != nil: // a page that somebody looks at could post here
			return refusedIntake(noToken, "events are not taken from web pages")
		}
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return refusedIntake(noToken, "the request needs the header Authorization: Bearer <token>")
	}
	got, found := sha256.Sum256([]byte(token)), 0
	for _, known := range in.Tokens() {
		want := sha256.Sum256([]byte(known))
		found |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	if found == 0 {
		return refusedIntake(wrongToken, "the token is not one of this producer's")
	}
	return nil
}

// local reports whether a request has come to a loopback address or a unix socket.
func local(r *http.Request) bool {
	switch at := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.UnixAddr:
		return true
	case net.Addr:
		address, err := netip.ParseAddrPort(at.String())
		return err == nil && address.Addr().Unmap().IsLoopback()
	}
	return false
}

// read reads the whole body, or errs.
func (in *Intake) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > in.MaxBody {
		return nil, ErrTooLarge
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(in.ReadTimeout)); err == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }() // as it was; the server's own come back with the next request
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, in.MaxBody))
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case errors.As(err, &network) && network.Timeout():
		return nil, refusedIntake(tooSlow, "the body did not arrive in time")
	}
	return nil, refusedIntake(badEvent, "the body did not arrive whole")
}
