package portal

import (
	"errors"
	"html/template"
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

	pages   map[string]*template.Template // each in the frame that all have
	statics map[string]*static
	mux     *http.ServeMux
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
	p := &Portal{Options: o, tallies: newTallies(o.Store), latest: newKeptPages()}
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
	if err := crossOrigin.Check(r); err != nil {
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
	if err == nil {
		if page, ok := v.kept(); ok {
			v.header().Set("Content-Type", pageType)
			v.answer(page)
			return
		}
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
