package portal

import (
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/hookgate/hookgate/api"
)

const (
	// lately is how long a page that the script polls is shown to others who poll it, too.
	lately = time.Second
	// keptPages is how many pages are remembered so long, and keptBytes how large ones.
	keptPages = 64
	keptBytes = 256 << 10
)

// pageKey is all that a page depends on besides what is stored: two of the same key are the
// same page.
type pageKey struct {
	uri                 string
	scope               api.Scope
	app                 string
	capabilities, flags string
	restricted          bool
}

// keptPage is a page as it was shown.
type keptPage struct {
	tag  string
	body []byte
	at   time.Time
}

func newKeptPages() *lru.Cache[pageKey, keptPage] {
	pages, _ := lru.New[pageKey, keptPage](keptPages) // it errs about the size only
	return pages
}

// polled reports whether the script asks, and nobody who has just done something.
func (v *visit) polled() bool {
	return v.r.Method == http.MethodGet && v.r.Header.Get("If-None-Match") != "" && v.session.ID != ""
}

func (v *visit) pageKey() pageKey {
	k := pageKey{uri: v.r.URL.RequestURI(), scope: v.session.Scope, app: v.session.App, flags: strings.Join(v.session.FeatureFlags, ","), restricted: v.session.Capabilities != nil}
	for _, c := range v.session.Capabilities {
		k.capabilities += string(c) + ","
	}
	return k
}

// kept is a page that was made for another who polls it, a moment ago.
func (v *visit) kept() (keptPage, bool) {
	if !v.polled() {
		return keptPage{}, false
	}
	page, ok := v.latest.Get(v.pageKey())
	return page, ok && v.Sender.Now().Sub(page.at).Abs() < lately
}

// keep remembers a page that was polled.
func (v *visit) keep(page keptPage) {
	if page.at = v.Sender.Now(); v.polled() && len(page.body) <= keptBytes {
		v.latest.Add(v.pageKey(), page)
	}
}
