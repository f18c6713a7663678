package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// trial is one signed event of a scheme, and the floor under its verification: an
// HMAC, keyed once and reset, over the same bytes, in the pieces in which a request
// has them: what comes before the body, the body, and what comes after it.
type trial struct {
	verifier *verifier.Verifier
	request  *verifier.Request
	body     []byte
	now      time.Time

	digest hash.Hash // of a body that is signed by its digest, nil for others
	mac    hash.Hash
	signed [][]byte
	sum    []byte
}

// newTrial signs a body of that size. It errs if what the floor computes is not
// the signature itself, so that the two cannot come to differ in their bytes.
func newTrial(scheme verifier.Scheme, size int) (*trial, error) {
	const id = "msg_2mxUGzcBVEaiPpmeJOYTrEQ5m5g"
	t := &trial{body: bytes.Repeat([]byte("a"), size), now: time.Now()}
	text, _ := samples.Secrets(scheme, 0)
	key, err := keyOf(scheme.Keys[0], text)
	if err != nil {
		return nil, err
	}
	signer, err := verifier.NewSigner(scheme, []string{text}, samples.Options(scheme))
	if err != nil {
		return nil, err
	}
	if t.verifier, err = verifier.New(scheme, []string{text}, samples.Options(scheme)); err != nil {
		return nil, err
	}
	address := samples.Address(scheme, t.body)
	header, err := signer.Sign(verifier.Message{ID: id, Timestamp: t.now, URL: address, Body: t.body})
	if err != nil {
		return nil, err
	}
	t.request = samples.Request(address, header)

	timestamp := strconv.FormatInt(t.now.Unix(), 10)
	switch {
	case scheme.Timestamp == nil:
	case scheme.Timestamp.Format == verifier.RFC3339:
		timestamp = t.now.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	case scheme.Timestamp.Format == verifier.UnixMilli:
		timestamp = strconv.FormatInt(t.now.UnixMilli(), 10)
	}
	fill := strings.NewReplacer("{id}", id, "{timestamp}", timestamp, "{method}", http.MethodPost, "{url}", samples.URL, "{query}", t.request.RawQuery)
	before, after, hasBody := strings.Cut(scheme.Signed, "{body}")
	if before != "" {
		t.signed = append(t.signed, []byte(fill.Replace(before)))
	}
	if hasBody {
		t.signed = append(t.signed, t.body)
	}
	if after != "" {
		t.signed = append(t.signed, []byte(fill.Replace(after)))
	}
	t.mac = hmac.New(sha256.New, key)
	if scheme.Keys[0].Algorithm == verifier.HMACSHA1 {
		t.mac = hmac.New(sha1.New, key)
	}
	if scheme.BodySHA256 != "" {
		t.digest = sha256.New() // the body is hashed, its digest signed
	}
	t.floor()
	signature := header.Get(t.verifier.SignatureHeaders()[0])
	if !slices.ContainsFunc([]string{hex.EncodeToString(t.sum), base64.StdEncoding.EncodeToString(t.sum), base64.RawURLEncoding.EncodeToString(t.sum)},
		func(text string) bool { return strings.Contains(signature, text) }) {
		return nil, fmt.Errorf("scheme %s: the floor is not over the bytes that are signed", scheme.Name)
	}
	return t, t.verify()
}

// keyOf decodes a secret as its scheme says.
func keyOf(form verifier.KeyForm, secret string) ([]byte, error) {
	text := strings.TrimPrefix(secret, form.Prefix)
	switch form.Encoding {
	case verifier.Base64:
		return base64.StdEncoding.DecodeString(text)
	case verifier.Hex:
		return hex.DecodeString(text)
	default:
		return []byte(text), nil
	}
}

// hasFloor reports whether a scheme is an HMAC.
func hasFloor(s verifier.Scheme) bool { return strings.HasPrefix(string(s.Keys[0].Algorithm), "hmac-") }

func (t *trial) floor() {
	if t.digest != nil {
		t.digest.Reset()
		t.digest.Write(t.body)
		t.sum = t.digest.Sum(t.sum[:0])
	}
	t.mac.Reset()
	for _, piece := range t.signed {
		t.mac.Write(piece)
	}
	t.sum = t.mac.Sum(t.sum[:0])
}

func (t *trial) verify() error {
	_, err := t.verifier.Verify(t.request, t.body, t.now)
	return err
}

// slices measures floor and verification in turns, each for about slice, and
// returns nanoseconds an operation, pair by pair: what disturbs the machine
// disturbs both.
func (t *trial) slices(rounds int, slice time.Duration) (floor, ours []float64, err error) {
	verify := func() {
		if e := t.verify(); e != nil {
			err = e
		}
	}
	n := 1
	for timed(t.floor, n)*float64(n) < float64(slice) {
		n *= 2
	}
	timed(verify, n)
	runtime.GC() // none of the slices allocates, so this is the last collection
	for round := range rounds {
		if round%2 == 0 {
			floor = append(floor, timed(t.floor, n))
			ours = append(ours, timed(verify, n))
		} else {
			ours = append(ours, timed(verify, n))
			floor = append(floor, timed(t.floor, n))
		}
	}
	return floor, ours, err
}

// timed returns the nanoseconds that one of n calls takes.
func timed(f func(), n int) float64 {
	began := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(began)) / float64(n)
}

// compareVerify measures all presets, writes a table and returns the goals. They are
// on the least slice of each side: what else runs on the machine only ever adds to a
// slice, and more to code that waits for nothing, as ours, than to a hash that is one
// long chain of dependent instructions.
func compareVerify(ctx context.Context, out io.Writer, quick bool) ([]goal, error) {
	rounds, slice := 401, 500*time.Microsecond
	if quick {
		rounds = 61
	}
	fmt.Fprintf(out, "%d slices of %v for each of the two; ns are of the least slice\n\n", rounds, slice)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "bytes\tscheme\thmac ns\tverify ns\tallocs\tslice by slice\tratio of the least\t\t")
	var goals []goal
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, scheme := range verifier.Presets() {
			if !hasFloor(scheme) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t, err := newTrial(scheme, size)
			if err != nil {
				return nil, err
			}
			floor, ours, err := t.slices(rounds, slice)
			if err != nil {
				return nil, err
			}
			allocs := testing.AllocsPerRun(100, func() { err = t.verify() })
			if err != nil {
				return nil, err
			}
			g := goal{
				name: fmt.Sprintf("%d\t%s\t%.0f\t%.0f\t%.0f\t%s", size, scheme.Name,
					slices.Min(floor), slices.Min(ours), allocs, summary("%.2f", ratios(ours, floor))),
				values: []float64{slices.Min(ours) / slices.Min(floor)}, bound: atMost, limit: 1.3,
			}
			fmt.Fprintln(w, g.String())
			goals = append(goals, g, goal{name: scheme.Name + " allocations", values: []float64{allocs}, bound: atMost, limit: 0})
		}
	}
	return goals, w.Flush()
}
