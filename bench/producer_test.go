package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// newTestSink returns a sink, and a payload to be marked.
func newTestSink(t *testing.T, endpoints, tarpit int) (s *sink, like []byte) {
	t.Helper()
	body, err := payload(256)
	if err != nil {
		t.Fatal(err)
	}
	if like, err = markMessage(body, 0, 0); err != nil || len(like) != 256 {
		t.Fatalf("%d bytes, %v", len(like), err)
	}
	if s, err = newSink(endpoints, tarpit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s, like
}

// deliver posts a message to an endpoint, signed with some secret, and returns the status.
func deliver(t *testing.T, url, secret string, body []byte) int {
	t.Helper()
	status, err := tryDeliver(t.Context(), t, url, secret, body)
	if err != nil {
		t.Error(err)
	}
	return status
}

func tryDeliver(ctx context.Context, t *testing.T, url, secret string, body []byte) (status int, err error) {
	t.Helper()
	scheme, _ := verifier.Preset("svix")
	signer, err := verifier.NewSigner(scheme, []string{secret}, verifier.Options{})
	if err != nil {
		return 0, err
	}
	header, err := signer.Sign(verifier.Message{ID: "msg_1", Timestamp: time.Now(), Body: body})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// What is not delivered exactly once, signed, in its slice is found out.
func TestSinkFindsOut(t *testing.T) {
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, tt := range []struct {
		name    string
		deliver func(t *testing.T, s *sink, like []byte)
		wrong   string // empty: nothing
	}{
		{"each once", func(t *testing.T, s *sink, like []byte) {
			for message := range 2 {
				for _, url := range s.urls {
					deliver(t, url, secret, remark(like, 7, message))
				}
			}
		}, ""},
		{"one missing", func(t *testing.T, s *sink, like []byte) {
			deliver(t, s.urls[0], secret, remark(like, 7, 0))
		}, "1 of 4 deliveries"},
		{"twice", func(t *testing.T, s *sink, like []byte) {
			deliver(t, s.urls[1], secret, remark(like, 7, 1))
			deliver(t, s.urls[1], secret, remark(like, 7, 1))
		}, "twice"},
		{"of another slice", func(t *testing.T, s *sink, like []byte) {
			deliver(t, s.urls[0], secret, remark(like, 6, 0))
		}, "of slice 6"},
		{"of no message", func(t *testing.T, s *sink, like []byte) {
			deliver(t, s.urls[0], secret, remark(like, 7, 2))
		}, "message 2"},
		{"forged", func(t *testing.T, s *sink, like []byte) {
			if status := deliver(t, s.urls[0], other, remark(like, 7, 0)); status != http.StatusBadRequest {
				t.Errorf("a forged delivery: %d", status)
			}
		}, "signature"},
		{"without a mark", func(t *testing.T, s *sink, _ []byte) {
			deliver(t, s.urls[0], secret, []byte(`{"id":"another message"}`))
		}, "mark"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, like := newTestSink(t, 2, -1)
			all := s.expect(7, 2, 4)
			tt.deliver(t, s, like)
			select {
			case <-all:
				if tt.wrong != "" {
					t.Error("all have come")
				}
			default:
				if tt.wrong == "" {
					t.Error("not all have come")
				}
			}
			err := s.check()
			if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("found out: %v, want %q", err, tt.wrong)
			}
		})
	}
}

// A tarpit does not answer until it is drained, and what was given up until then does not
// count.
func TestTarpit(t *testing.T) {
	s, like := newTestSink(t, 2, 1)
	ctx, giveUp := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer giveUp()
	if status, err := tryDeliver(ctx, t, s.urls[1], secret, remark(like, 1, 0)); err == nil {
		t.Errorf("the tarpit has answered with %d", status)
	}
	answered := make(chan int, 2)
	for message := range 2 {
		go func() { answered <- deliver(t, s.urls[1], secret, remark(like, 1, message)) }()
	}
	select {
	case <-answered:
		t.Error("the tarpit has answered")
	case <-time.After(50 * time.Millisecond):
	}
	if again, err := s.drain(t.Context(), 2); err != nil || again != 0 {
		t.Errorf("drained: %d again, %v", again, err)
	}
	for range 2 {
		if status := <-answered; status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
}

// The bare loop posts each message to each endpoint, once, signed.
func TestBare(t *testing.T) {
	s, like := newTestSink(t, 3, -1)
	in := new(bytes.Buffer)
	if err := json.NewEncoder(in).Encode(bareJob{URLs: s.urls, Slice: 9, Messages: 40, Workers: 4, Payload: like}); err != nil {
		t.Fatal(err)
	}
	all := s.expect(9, 40, 120)
	var out bytes.Buffer
	if err := runBare(t.Context(), in, &out); err != nil || out.String() != "done\n" {
		t.Fatalf("%q, %v", out.String(), err)
	}
	if err := arrive(t.Context(), all, time.Second); err != nil {
		t.Error(err)
	}
	if err := s.check(); err != nil {
		t.Error(err)
	}
	s.expect(10, 1, 1)
	if err := json.NewEncoder(in).Encode(bareJob{URLs: s.urls[:1], Slice: 9, Messages: 1, Workers: 1, Payload: like[:20]}); err != nil {
		t.Fatal(err)
	}
	if err := runBare(t.Context(), in, io.Discard); err == nil {
		t.Error("an endpoint refused a delivery, and the bare loop went on")
	}
}
