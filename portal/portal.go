package portal

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/hookgate/hookgate/api"
	"github.com/hookgate/hookgate/gateway"
	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// Options are what a portal works with. API, Sender, Store and Sessions have to be there.
type Options struct {
	API      *api.API
	Sender   *sender.Sender
	Store    *store.Store
	Sessions *Sessions
	// Operator is what operators see and do of the gateway; nil if it has none.
	Operator func() *gateway.Operator
	// Brand is whose portal it is. Default: Webhooks.
	Brand string
	// Icon is the brand's, and IconType its media type. Default: ours.
	Icon     []byte
	IconType string
	// Logger takes what is ours to mend. Default: discard.
	Logger *slog.Logger
}

// Portal serves the pages. It is safe for concurrent use.
type Portal struct {
	Options

	pages   map[string]*page
	statics map[string]*static
	mux     *http.ServeMux
	cross   *http.CrossOriginProtection
	tallies *tallies
	play    *play
	latest  *lru.Cache[pageKey, keptPage]
}

// New makes a portal. Its temporary URLs are local to the sender from then on.
func New(o Options) (*Portal, error) {
	if o.Brand == "" {
		o.Brand = "Webhooks"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Portal{Options: o, cross: http.NewCrossOriginProtection(), tallies: newTallies(o.Store), latest: newKeptPages()}
	var err error
	if p.statics, err = p.readStatics(); err != nil {
		return nil, err
	}
	if p.pages, err = p.readPages(); err != nil {
		return nil, err
	}
	p.mux, p.play = p.newMux(), newPlay(&p.Options)
	return p, nil
}

// The paths that are the portal's.
const (
	loginPath  = "/login"
	prefix     = "/portal"
	accessPath = "/webhook/app-portal-access/"
)

// Serves reports whether a request is for the portal.
func Serves(r *http.Request) bool {
	path := r.URL.Path
	return path == loginPath || path == prefix || strings.HasPrefix(path, prefix+"/") ||
		path == accessPath || path == strings.TrimSuffix(accessPath, "/") || playServes(path)
}

// newMux serves the table of routes.
func (p *Portal) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	for i := range routes {
		rt := &routes[i]
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { p.serve(rt, w, r) })
	}
	mux.HandleFunc("GET "+prefix+"/static/{file}", p.serveStatic)
	mux.HandleFunc("GET "+strings.TrimSuffix(accessPath, "/"), p.serveAccess)
	mux.HandleFunc("GET "+accessPath+"{$}", p.serveAccess)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.fail(p.visit(w, r), errNoPage) })
	return mux
}

// policy lets pages load what is theirs, from this host alone, run the one script and no
// other, and be framed by nobody.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers a request for which [Serves] is true.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	defer func() {
		if caught := recover(); caught != nil {
			if caught == http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
				panic(caught)
			}
			p.Logger.Error("a page of the portal has panicked", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("panic", caught), slog.String("stack", string(debug.Stack())))
			http.Error(w, "Internal Server Error", http.StatusInternalServerError) // if the answer has begun, this does nothing
		}
	}()
	if playServes(r.URL.Path) { // whoever sends, and whatever
		p.play.ServeHTTP(w, r)
		return
	}
	if err := p.cross.Check(r); err != nil {
		p.fail(p.visit(w, r), &refusal{http.StatusForbidden, "This request came from another site", "Nothing was changed. Open the page here and try again."})
		return
	}
	p.mux.ServeHTTP(w, r)
}

// serve finds out who asks, and answers with what the route makes of it.
func (p *Portal) serve(rt *route, w http.ResponseWriter, r *http.Request) {
	v := p.visit(w, r)
	err := v.admit(rt)
	if err == nil && r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err = r.ParseForm(); err != nil {
			err = &refusal{http.StatusBadRequest, "This form cannot be read", "It may be too large. Go back and try again."}
		}
	}
	if page, ok := v.kept(); ok && err == nil {
		v.header().Set("Content-Type", pageType)
		v.answer(page)
		return
	}
	var got response
	if err == nil {
		got, err = rt.do(v)
	}
	if err == nil {
		err = got(v)
	}
	if err != nil {
		p.fail(v, err)
	}
}

// maxForm is the largest form: that with the payload of a test event.
const maxForm = 4 << 20

// refusal is why a page is not shown, for people.
type refusal struct {
	status       int
	title, about string
}

func (e *refusal) Error() string { return fmt.Sprintf("%d %s", e.status, e.title) }

var (
	errNoPage = &refusal{http.StatusNotFound, "There is nothing here", "What you are looking for may have been deleted, or the address is wrong."}
	errDenied = &refusal{http.StatusForbidden, "You may not do this", "The link that you came by allows less than this. Ask who gave it to you for one that allows more."}
	errAway   = &refusal{http.StatusServiceUnavailable, "The store does not answer now", "Nothing is lost. Try again in a moment."}
	errServer = &refusal{http.StatusInternalServerError, "Something went wrong on our side", "It is in our log. Try again, or tell the operator when this was."}
)

// refusalOf classifies an error: what is shown, and whether it is for the log.
func refusalOf(err error) (shown *refusal, ours bool) {
	var own *refusal
	var invalid *sender.InvalidError
	var refused *sender.RefusedError
	var conflict *sender.ConflictError
	var operator *gateway.OperatorError
	switch {
	case errors.As(err, &own):
		return own, false
	case errors.As(err, &invalid):
		return &refusal{http.StatusUnprocessableEntity, "This cannot be done", upper(invalid.Msg) + "."}, false
	case errors.As(err, &refused):
		return &refusal{http.StatusUnprocessableEntity, "This cannot be done", refused.Detail}, false
	case errors.As(err, &conflict):
		return &refusal{http.StatusConflict, "This cannot be done", conflict.Detail}, false
	case errors.As(err, &operator):
		return &refusal{operator.Status, "This cannot be done", operator.Message}, false
	case errors.Is(err, store.ErrGone):
		return &refusal{http.StatusConflict, "This cannot be done", "The payload is not kept any more: there is nothing to deliver."}, false
	case errors.Is(err, store.ErrJobs):
		return &refusal{http.StatusConflict, "This cannot be done", "Too many jobs are running. Wait until one has ended, or cancel one."}, false
	case errors.Is(err, store.ErrDamaged):
		return &refusal{http.StatusInternalServerError, "What is stored of this is damaged", "It cannot be shown or delivered. The disk may be at fault: the log says more."}, true
	case errors.Is(err, sender.ErrNotFound), errors.Is(err, store.ErrNotFound):
		return errNoPage, false
	case errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrFull):
		return errAway, true
	}
	return errServer, true
}

// fail shows why there is no page.
func (p *Portal) fail(v *visit, err error) {
	if errors.Is(err, errNoSession) && (v.r.Method == http.MethodGet || v.r.Method == http.MethodHead) {
		v.header().Set("Location", loginPath+"?"+nextQuery(v.r))
		v.w.WriteHeader(http.StatusSeeOther)
		return
	}
	shown, ours := refusalOf(err)
	if ours {
		p.Logger.Error("a page of the portal", slog.String("method", v.r.Method), slog.String("path", v.r.URL.Path), slog.Any("error", err))
	}
	if shown.status == http.StatusServiceUnavailable {
		v.header().Set("Retry-After", "10")
	}
	failed := v.page(shown.status, "failed", shown.title, shown.about)
	if err := failed(v); err != nil {
		p.Logger.Error("a page of the portal", slog.String("page", "failed"), slog.Any("error", err))
		http.Error(v.w, shown.title, shown.status)
	}
}
