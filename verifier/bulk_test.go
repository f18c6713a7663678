package verifier_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

var seed = flag.Uint64("seed", rand.Uint64(), "seed of the random tests")

// forger makes wrong webhooks out of right ones. What it makes differs from what
// was signed by construction, or is drawn again.
type forger struct {
	*rand.Rand
	fixture *fixture
	other   http.Header // the same message, signed with another secret
	next    http.Header // another message, signed with the right secret
	names   []string    // the headers that count, sorted: the same for the same seed

	before, signature string // the value of the signature header
	hex               bool
}

func newForger(t *testing.T, random *rand.Rand, f *fixture) *forger {
	t.Helper()
	g := &forger{Rand: random, fixture: f}
	g.before, g.signature = f.split(t)
	g.hex = f.encoding() == verifier.Hex
	_, secret := samples.Secrets(f.scheme, 1)
	if strings.HasPrefix(f.secret, "whpk_") {
		_, secret = edKey(2)
	}
	g.other = signWith(t, newSigner(t, f.scheme, secret), f.scheme, f.message)
	next := f.message
	next.ID, next.Timestamp, next.Body = "msg_next", noon.Add(time.Second), samples.JSON(f.scheme, "evt_2", samples.Type)
	g.next = f.sign(t, next)
	for name := range f.header {
		if !f.unsigned(name) {
			g.names = append(g.names, name)
		}
	}
	slices.Sort(g.names)
	return g
}

// forge returns a webhook that must not be accepted.
func (g *forger) forge() (http.Header, []byte) {
	for {
		h, body := http.Header{}, g.fixture.message.Body
		for name, lines := range g.fixture.header {
			h[name] = lines
		}
		switch g.IntN(10) {
		case 0:
			body = g.flip(body)
		case 1:
			body = g.splice(body)
		case 2:
			name := g.pick()
			h[name] = []string{string(g.flip([]byte(h[name][0])))}
		case 3:
			name := g.pick()
			h[name] = []string{string(g.splice([]byte(h[name][0])))}
		case 4: // another message's signature, id or time
			name := g.pick()
			h[name] = g.next[name]
		case 5: // another secret
			name := g.fixture.signatureHeader()
			h[name] = g.other[name]
			if g.IntN(2) == 0 {
				body = g.flip(body)
			}
		case 6:
			h[g.fixture.signatureHeader()] = []string{g.junk()}
		case 7: // a byte moves from one value to another
			h, body = g.move(h, body)
		case 8: // all headers of another message
			for _, name := range g.names {
				h[name] = g.next[name]
			}
		default: // any of the above together
			name := g.pick()
			h[name] = []string{string(g.splice(g.flip([]byte(h[name][0]))))}
			body = g.splice(g.flip(body))
		}
		if !g.same(h, body) {
			return h, body
		}
	}
}

func (g *forger) pick() string { return g.names[g.IntN(len(g.names))] }

// flip returns a copy with one to three other bits.
func (g *forger) flip(b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + g.IntN(3) {
		if len(b) > 0 {
			b[g.IntN(len(b))] ^= 1 << g.IntN(8)
		}
	}
	return b
}

// splice returns a copy with some bytes left out, put in, doubled or moved.
func (g *forger) splice(b []byte) []byte {
	i, j := g.IntN(len(b)+1), g.IntN(len(b)+1)
	i, j = min(i, j), max(i, j)
	switch g.IntN(5) {
	case 0:
		return slices.Concat(b[:i], b[j:])
	case 1:
		return slices.Concat(b[:j], b[i:])
	case 2:
		return slices.Concat(b[:i], []byte{byte(g.Uint32())}, b[i:])
	case 3:
		return slices.Concat(b[i:j], b[:i], b[j:])
	default:
		return slices.Clone(b[:j])
	}
}

// junk is a signature header of the right grammar, with up to 20 signatures drawn
// at random.
func (g *forger) junk() string {
	l := g.fixture.scheme.Signature[0]
	value := g.before + g.draw()
	if l.List != "" {
		for range g.IntN(20) {
			value += l.List + g.fixture.item() + l.Pair + l.Prefix + g.draw()
		}
	}
	return value
}

// draw returns a text of the alphabet and length of a signature.
func (g *forger) draw() string {
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	if g.hex {
		alphabet = "0123456789abcdef"
	}
	text := []byte(g.signature)
	for i := range text {
		if text[i] != '=' {
			text[i] = alphabet[g.IntN(len(alphabet))]
		}
	}
	return string(text)
}

// move takes bytes from the end of one value and puts them before another, as if
// the boundary between them were elsewhere.
func (g *forger) move(h http.Header, body []byte) (http.Header, []byte) {
	name := g.pick()
	value, n := h[name][0], 1+g.IntN(4)
	n = min(n, len(value), len(body))
	if g.IntN(2) == 0 {
		h[name] = []string{value[:len(value)-n]}
		return h, append([]byte(value[len(value)-n:]), body...)
	}
	h[name] = []string{value + string(body[:n])}
	return h, body[n:]
}

// same reports whether nothing that is signed has changed and the right signature
// is still there: then it is no forgery, whatever else there is.
func (g *forger) same(h http.Header, body []byte) bool {
	if !bytes.Equal(body, g.fixture.message.Body) {
		return false
	}
	for _, name := range g.names {
		got, want := strings.Trim(h[name][0], " \t"), g.fixture.header[name][0]
		if name == g.fixture.signatureHeader() {
			got = blanks.Replace(got) // white space may be around each part of a list
			if g.hex {
				got = strings.ToLower(got)
			}
			if !strings.Contains(got, g.signature) || strings.Contains(g.before, "t=") && !strings.Contains(got, g.before[:len("t=1700000000")]) {
				return false
			}
		} else if got != want {
			return false
		}
	}
	return true
}

var blanks = strings.NewReplacer(" ", "", "\t", "")

// TestForgeriesAreRefused forges at random. (G-1)
func TestForgeriesAreRefused(t *testing.T) {
	total := 1_000_000
	if raceEnabled || testing.Short() {
		total = 50_000
	}
	t.Logf("to see the same again: -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 3))
	var forgers []*forger
	for _, f := range fixtures(t) {
		forgers = append(forgers, newForger(t, random, f))
	}
	ran, reasons := map[string]int{}, map[error]int{}
	for i := range total {
		g := forgers[i%len(forgers)]
		for g.fixture.slow() && i/len(forgers)%16 != 0 {
			g = forgers[random.IntN(len(forgers))]
		}
		h, body := g.forge()
		_, err := g.fixture.Verify(post(h), body, noon)
		if err == nil {
			t.Fatalf("%s accepted after %d (-seed %d): headers %q, body %q", g.fixture.name, i, *seed, h, body)
		}
		ran[g.fixture.name]++
		reasons[reason(t, err)]++
	}
	sum := 0
	for _, g := range forgers {
		sum += ran[g.fixture.name]
		if ran[g.fixture.name] < total/1000 {
			t.Errorf("%s: %d forgeries; want at least %d", g.fixture.name, ran[g.fixture.name], total/1000)
		}
	}
	if sum != total {
		t.Errorf("%d forgeries were refused; want %d", sum, total)
	}
	// Most have to get as far as the signature, or the test shows little.
	if reasons[verifier.ErrInvalidSignature] < total/3 {
		t.Errorf("%d of %d were refused for their signature; want a third at least", reasons[verifier.ErrInvalidSignature], total)
	}
	t.Logf("%d forgeries refused: %v", sum, reasons)
}

// reason returns the one reason that a refusal wraps.
func reason(t *testing.T, err error) error {
	t.Helper()
	refusal, ok := err.(*verifier.Refusal)
	if !ok {
		t.Fatalf("%T is no refusal: %v", err, err)
	}
	return refusal.Reason
}
