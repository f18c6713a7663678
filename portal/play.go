package portal

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// The bounds of inboxes.
const (
	// inboxLife is how long an inbox lasts after it was made, or its page last used.
	inboxLife = 24 * time.Hour
	// maxInboxes and maxAppInboxes are how many there are at a time, of all applications
	// and of one.
	maxInboxes    = 1000
	maxAppInboxes = 10
	// An inbox keeps its newest requests: so many, and so many bytes of them. With that,
	// all inboxes together keep 1,000 MiB at most.
	maxRequests   = 100
	maxInboxBytes = 1 << 20
	// maxArrival is how much of a body is read, to check its signature; keptBody and
	// keptHead are how much of a request is kept.
	maxArrival = sender.MaxPayload + 4<<10 // a payload in an envelope
	keptBody   = 256 << 10
	keptHead   = 16 << 10
	keptQuery  = 2 << 10
	keptEvent  = 256
)

// play keeps temporary inboxes, which take whatever they are sent. It implements
// [sender.Local]: a delivery to one is handed over in the process.
type play struct {
	store  *store.Store
	sender *sender.Sender
	now    func() time.Time
	logger *slog.Logger
	gates  *gates
	swept  atomic.Int64
}

func newPlay(o *Options) *play {
	p := &play{store: o.Store, sender: o.Sender, now: o.Sender.Now, logger: o.Logger, gates: newGates()}
	o.Sender.SetLocal(p)
	return p
}

// The paths below which inboxes are, and of one: nothing else is one, however it is
// spelled. What a token is made of is in neither a path's nor SQL's language.
const playPath = "/play"

var (
	inboxPath  = regexp.MustCompile(`^` + playPath + `/in/([a-z0-9]{26})$`)
	inboxURL   = regexp.MustCompile(`^https?://[a-z0-9._:\[\]-]+` + playPath + `/in/([a-z0-9]{26})$`)
	inboxToken = regexp.MustCompile(`^[a-z0-9]{26}$`)
)

// playServes reports whether a path is one of inboxes, or would be.
func playServes(path string) bool { return path == playPath || strings.HasPrefix(path, playPath+"/") }

// tokenIn returns what an expression finds of a token.
func tokenIn(text string, in *regexp.Regexp) (token string, ok bool) {
	found := in.FindStringSubmatch(text)
	if found == nil {
		return "", false
	}
	return found[1], true
}

// Has implements [sender.Local].
func (p *play) Has(tx *store.Tx, url string) (bool, error) {
	token, ok := tokenIn(url, inboxURL)
	if !ok {
		return false, nil
	}
	box, err := readInbox(tx.Query, token, p.now())
	return box != nil && box.URL == url, err
}

// Handler implements [sender.Local]. If nobody knows whether there is such an inbox, the
// answer is that: no connection is tried instead.
func (p *play) Handler(ctx context.Context, url string) http.Handler {
	token, ok := tokenIn(url, inboxURL)
	if !ok {
		return nil
	}
	box, err := p.find(ctx, token)
	switch {
	case err != nil:
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { p.fail(w, err) })
	case box == nil || box.URL != url:
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.gates.of(token).requests.AllowN(p.now(), 1) {
			say(w, http.StatusTooManyRequests)
			return
		}
		p.take(w, r, box)
	})
}

// Sweep deletes inboxes that have expired, and what they have received. Making an inbox
// and receiving do so, too, once a minute.
func (p *Portal) Sweep(ctx context.Context) error {
	for {
		more, err := p.play.sweep(ctx)
		if err != nil || !more {
			return err
		}
	}
}
