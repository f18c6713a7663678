package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
	"github.com/hookgate/hookgate/verifier"
)

// resigner gives forwarded copies a fresh signature in place of the one they came
// with.
type resigner struct {
	*verifier.Signer
	scheme  verifier.Scheme
	headers []string // canonical names of what it replaces
	query   []string // and names in the query
}

// newResigner checks that everything the scheme signs is known when a copy is made.
func newResigner(c *Resign, verifiers []*verifier.Verifier, now time.Time) (*resigner, error) {
	signer, err := verifier.NewSigner(c.Scheme, []string{c.Secret}, verifier.Options{})
	if err == nil {
		_, err = signer.Sign(verifier.Message{ID: "id", Type: "type", Timestamp: now})
	}
	if err != nil {
		return nil, fmt.Errorf("resign: %w", err)
	}
	g := &resigner{Signer: signer, scheme: c.Scheme}
	g.replaces(&g.scheme)
	for _, v := range verifiers {
		g.replaces(v.Scheme())
	}
	return g, nil
}

// replaces notes where a scheme has its signature and what is signed beside the
// body.
func (g *resigner) replaces(s *verifier.Scheme) {
	refs := []verifier.Ref{s.ID, s.Type}
	if s.Timestamp != nil {
		refs = append(refs, s.Timestamp.From)
	}
	for _, l := range s.Signature {
		refs = append(refs, l.From)
	}
	for _, ref := range refs {
		switch kind, name, _ := strings.Cut(string(ref), ":"); kind {
		case "header":
			g.headers = append(g.headers, family(s.Aliases, http.CanonicalHeaderKey(name))...)
		case "query":
			g.query = append(g.query, name)
		}
	}
}

// family returns the canonical names under which a scheme's header may come.
func family(aliases []string, name string) []string {
	names := []string{name}
	for _, prefix := range aliases {
		rest, ok := strings.CutPrefix(name, http.CanonicalHeaderKey(prefix))
		if !ok {
			continue
		}
		for _, other := range aliases {
			names = append(names, http.CanonicalHeaderKey(other+rest))
		}
	}
	return names
}

// sign replaces the signature of a copy. The id is the same in every attempt, the
// time is now.
func (g *resigner) sign(h *head, d *store.Delivery, now time.Time) error {
	m := verifier.Message{ID: d.ID, Type: d.Type, Timestamp: now, Method: h.method, Body: d.Body}
	fresh, err := g.Sign(m)
	if err != nil {
		// The id may hold what delimits it in the bytes that are signed here.
		sum := sha256.Sum256([]byte(d.ID))
		m.ID = "sha256:" + hex.EncodeToString(sum[:])
		if fresh, err = g.Sign(m); err != nil {
			return fmt.Errorf("resign: %w", err)
		}
	}
	maps.DeleteFunc(h.header, func(name string, _ []string) bool { return slices.Contains(g.headers, plain(name)) })
	if g.scheme.UnsignedType != "" && g.scheme.Type != "" {
		h.header.Del(g.scheme.UnsignedType) // apps of this scheme believe it
	}
	maps.Copy(h.header, fresh)
	h.url.RawQuery = withoutValues(h.url.RawQuery, g.query)
	return nil
}
