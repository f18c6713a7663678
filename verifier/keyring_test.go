package verifier

import (
	"fmt"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"
)

// countingHash counts the MACs that are made.
type countingHash struct {
	hash.Hash
	sums *int
}

func (h countingHash) Sum(b []byte) []byte {
	*h.sums++
	return h.Hash.Sum(b)
}

// count returns the number of MACs that v makes from now on.
func count(v *Verifier) *int {
	sums, fresh := new(int), v.ring.pool.New
	v.ring.pool.New = func() any {
		w := fresh().(*workspace)
		for i, h := range w.macs {
			w.macs[i] = countingHash{h, sums}
		}
		return w
	}
	return sums
}

// TestPitfall19NoEarlyExit: a verification makes one MAC a key, whichever secret
// and whichever candidate matches, first, last, several or none. A request that
// is refused for its headers makes none. (pitfall 19) (pitfall 4) (S-08)
func TestPitfall19NoEarlyExit(t *testing.T) {
	const n = 4
	standard, _ := Preset("standard")
	var secrets []string
	for i := range n {
		secrets = append(secrets, "whsec_"+strings.Repeat(string(rune('A'+i)), 32))
	}
	v, err := New(standard, secrets, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sums := count(v)
	now := time.Unix(1_700_000_000, 0)
	bad := "v1," + strings.Repeat("A", 43) + "="
	signed := func(secrets ...string) http.Header {
		g, err := NewSigner(standard, secrets, Options{})
		if err != nil {
			t.Fatal(err)
		}
		h, err := g.Sign(Message{ID: "msg_1", Timestamp: now, Body: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	judge := func(what string, h http.Header, want int) {
		t.Helper()
		before := *sums
		_, _ = v.Verify(&Request{Method: http.MethodPost, Header: h}, []byte("{}"), now)
		if made := *sums - before; made != want {
			t.Errorf("%s: %d MACs; want %d", what, made, want)
		}
	}
	for i, secret := range secrets {
		h := signed(secret)
		good := h["Webhook-Signature"][0]
		judge(fmt.Sprintf("secret %d", i), h, n)
		for at := range 16 {
			list := make([]string, 16)
			for j := range list {
				list[j] = bad
			}
			list[at] = good
			h["Webhook-Signature"] = []string{strings.Join(list, " ")}
			judge(fmt.Sprintf("secret %d, signature %d of 16", i, at), h, n)
		}
		h["Webhook-Signature"] = []string{good + strings.Repeat(" "+bad, 16)}
		judge(fmt.Sprintf("secret %d, the first of 17", i), h, 0)
	}
	judge("all secrets", signed(secrets...), n)
	h := signed(secrets[0])
	h["Webhook-Signature"] = []string{bad}
	judge("no secret", h, n)
	h["Webhook-Signature"] = []string{"v1,x"}
	judge("nothing that could be a signature", h, 0)
	delete(h, "Webhook-Signature")
	judge("no signature", h, 0)
	if *sums == 0 {
		t.Error("nothing was counted")
	}
}
