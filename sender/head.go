package sender

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// head is what is stored with a message beside its payload.
type head struct {
	Channels    []string `json:"channels,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	ContentType string   `json:"contentType,omitempty"` // empty for JSON
	// Request is the digest of the request's idempotency key, if the event id tells the
	// message apart.
	Request []byte `json:"request,omitempty"`
}

func (h *head) encode() []byte {
	text, _ := json.Marshal(h) // it always can be
	return text
}

// readHead is the inverse of encode. None, of a message whose content is gone, is empty.
func readHead(text []byte) (*head, error) {
	h := &head{}
	if len(bytes.TrimSpace(text)) == 0 {
		return h, nil
	}
	if err := json.Unmarshal(text, h); err != nil {
		return nil, fmt.Errorf("reading what is stored with a message: %w", err)
	}
	return h, nil
}
