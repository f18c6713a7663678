package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookgate/hookgate/verifier"
)

const (
	// remembered is how many events duplicates are chosen from.
	remembered = 64
	eventType  = "load.test"
	letters    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// traffic makes webhooks of one scheme. It is not safe for concurrent use.
type traffic struct {
	scheme verifier.Scheme
	signer *verifier.Signer
	url    string
	size   int
	random *rand.Rand
	recent []event // genuine events, the latest at made-1 modulo remembered
	made   int
}

// event is what is signed, and when.
type event struct {
	id   string
	body []byte
	at   time.Time
}

// newTraffic makes webhooks whose bodies have size bytes. Equal seeds make equal
// events.
func newTraffic(s verifier.Scheme, secrets []string, url string, size int, seed uint64) (*traffic, error) {
	signer, err := verifier.NewSigner(s, secrets, verifier.Options{AllowWeak: true})
	if err != nil {
		return nil, err
	}
	t := &traffic{
		scheme: s, signer: signer, url: url, size: size,
		random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // the events of a load test have to be repeatable, not secret
	}
	least, err := t.document(t.newID(), "")
	if err == nil && len(least) > size {
		err = fmt.Errorf("--size %d: a body of scheme %s has at least %d bytes", size, s.Name, len(least))
	}
	return t, err
}

// check reports why targets of such shares cannot be made.
func (t *traffic) check(m *mix) error {
	unsigned := !strings.Contains(t.scheme.Signed, "{body}") ||
		slices.ContainsFunc(t.scheme.Keys, func(k verifier.KeyForm) bool { return k.Algorithm == verifier.Token })
	switch {
	case m.share[forged] > 0 && unsigned:
		return fmt.Errorf("--forged: scheme %s does not sign the body, so that another body is no forgery", t.scheme.Name)
	case m.share[stale] > 0 && t.scheme.Timestamp == nil:
		return fmt.Errorf("--stale: scheme %s signs no time", t.scheme.Name)
	}
	return nil
}

// next returns a webhook of that kind as of now. A duplicate when there is nothing
// to repeat is a genuine one.
func (t *traffic) next(k kind, now time.Time) (http.Header, []byte, error) {
	if k == duplicate && len(t.recent) > 0 {
		e := t.recent[t.random.IntN(len(t.recent))]
		if t.scheme.Timestamp != nil && !t.scheme.Timestamp.OfEvent {
			e.at = now
		}
		return t.sign(e)
	}
	e, err := t.newEvent(now)
	if err != nil {
		return nil, nil, err
	}
	switch k {
	case forged:
		header, _, err := t.sign(e)
		if err != nil {
			return nil, nil, err
		}
		other, err := t.newEvent(now)
		return header, other.body, err
	case stale:
		e.at = now.Add(-tolerance(t.scheme) - time.Hour)
	default:
		t.remember(e)
	}
	return t.sign(e)
}

func (t *traffic) sign(e event) (http.Header, []byte, error) {
	header, err := t.signer.Sign(verifier.Message{ID: e.id, Type: eventType, Timestamp: e.at, URL: t.url, Body: e.body})
	return header, e.body, err
}

func (t *traffic) remember(e event) {
	if len(t.recent) < remembered {
		t.recent = append(t.recent, e)
	} else {
		t.recent[t.made%remembered] = e
	}
	t.made++
}

func (t *traffic) newEvent(now time.Time) (event, error) {
	id := t.newID()
	empty, err := t.document(id, "")
	if err != nil {
		return event{}, err
	}
	body, err := t.document(id, t.text(t.size-len(empty)))
	return event{id, body, now}, err
}

// newID has the form of Svix's ids.
func (t *traffic) newID() string { return "msg_" + t.text(27) }

func (t *traffic) text(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[t.random.IntN(len(letters))]
	}
	return string(b)
}

// document returns a body with id and type where the scheme looks for them.
func (t *traffic) document(id, data string) ([]byte, error) {
	root := map[string]any{"data": data}
	put(root, t.scheme.ID, "/id", id)
	put(root, t.scheme.Type, "/type", eventType)
	return json.Marshal(root)
}

// put sets the text at a json reference, or at a place of its own if the scheme
// has it elsewhere.
func put(root map[string]any, ref verifier.Ref, otherwise jsontext.Pointer, text string) {
	pointer := otherwise
	if at, ok := strings.CutPrefix(string(ref), "json:"); ok {
		pointer = jsontext.Pointer(at)
	}
	object := root
	for token := range pointer.Parent().Tokens() {
		member, ok := object[token].(map[string]any)
		if !ok {
			member = map[string]any{}
			object[token] = member
		}
		object = member
	}
	object[pointer.LastToken()] = text
}

// tolerance is how old a timestamp of the scheme may be.
func tolerance(s verifier.Scheme) time.Duration {
	if past := time.Duration(s.Timestamp.Past); past > 0 {
		return past
	}
	return 5 * time.Minute
}
