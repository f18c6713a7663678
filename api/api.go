package api

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// Options are what an API works with. Sender, Store and Keys have to be there.
type Options struct {
	Sender *sender.Sender
	Store  *store.Store
	Keys   *sender.Keyring
	// Now is the clock. Default: the store's.
	Now func() time.Time
	// Logger takes what is ours to mend. Default: discard.
	Logger *slog.Logger
	// URL is how people reach the portal, "https://host". Default: the scheme and host of
	// the request that asks for a link.
	URL string
	// Brand is whose portal it is; links to it say so. Default: nobody's.
	Brand string
	// SignIn opens a session of the portal for who has exchanged a link's code, beside the
	// token that he gets: it sets a cookie in the answer to the request. Default: none is.
	SignIn func(answer http.Header, r *http.Request, t Token) error
	// CodeLife is how long the link to the portal can be followed. Default: 5 min.
	CodeLife time.Duration
}

// API serves /api/v1. It is safe for concurrent use.
type API struct {
	sender   *sender.Sender
	store    *store.Store
	keys     *sender.Keyring
	tokens   *Tokens
	now      func() time.Time
	logger   *slog.Logger
	url      string
	brand    string
	signIn   func(http.Header, *http.Request, Token) error
	codeLife time.Duration
	mux      *http.ServeMux
	document func() []byte

	swept   atomic.Int64 // when what has expired was deleted last, in milliseconds
	flights flights
}

// New makes an API.
func New(o Options) *API {
	a := &API{
		sender: o.Sender, store: o.Store, keys: o.Keys, now: o.Now, logger: o.Logger,
		url: strings.TrimSuffix(o.URL, "/"), brand: o.Brand, signIn: o.SignIn, codeLife: cmp.Or(o.CodeLife, codeLife), document: sync.OnceValue(document),
		flights: flights{m: make(map[digest]chan struct{})},
	}
	if a.now == nil {
		a.now = o.Store.Now
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	a.tokens = NewTokens(o.Keys, o.Store, Audience, a.now)
	a.mux = a.newMux()
	return a
}

// Tokens makes and checks the tokens of this API.
func (a *API) Tokens() *Tokens { return a.tokens }
