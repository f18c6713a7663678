package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// message is one as the API has it.
type message struct {
	ID string `json:"id"`
}

// create gives the gateway a message.
func (s *send) create(cmd *cobra.Command, args []string, in *stdin) error {
	c, app, err := s.open(in)
	if err != nil {
		return err
	}
	payload, _, err := readBody(args, in)
	if err != nil {
		return err
	}
	body, err := s.document(payload)
	if err != nil {
		return err
	}
	key := s.id
	if key == "" {
		key = rand.Text()
	}
	what := call{
		method: http.MethodPost, path: []string{"app", app, "msg"}, query: url.Values{"with_content": {"false"}},
		body: body, key: key, about: aboutApp(app),
	}
	var sent message
	answer, err := c.do(cmd.Context(), what, &sent)
	if err != nil {
		return unclear(err, key)
	}
	if s.wait {
		return c.follow(cmd, app, &sent, answer)
	}
	return c.print(cmd, answer, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, safe(sent.ID))
		return err
	})
}

// document is the body of the call. The payload stays as it is, byte for byte: that is
// what is signed and sent.
func (s *send) document(payload []byte) (json.RawMessage, error) {
	payload = bytes.TrimSpace(payload)
	if !isObject(payload) {
		return nil, errors.New("the body of a message has to be a JSON object")
	}
	head, err := json.Marshal(struct {
		EventType string   `json:"eventType"`
		Channels  []string `json:"channels,omitempty"`
	}{s.typ, s.channels})
	if err != nil {
		return nil, err
	}
	document := append(bytes.TrimSuffix(head, []byte("}")), `,"payload":`...)
	return append(append(document, payload...), '}'), nil
}

// unclear says how to find out whether a message was taken, if that is not known.
func unclear(err error, key string) error {
	var away *unreachableError
	var refused *apiRefusal
	if errors.As(err, &away) || errors.As(err, &refused) && refused.status >= http.StatusInternalServerError {
		return fmt.Errorf("%w. It may have been taken all the same: repeat it with --id %s, and it is sent once", err, shellQuote(safe(key)))
	}
	return err
}
