package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

var latchkey = &http.Client{Timeout: 3 * time.Second}

// RequireKey lets requests with a valid key through: http.Handle("/v1/", RequireKey(handler))
func RequireKey(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, retryAfter := checkKey(r)
		if status == http.StatusOK {
			next.ServeHTTP(w, r)
			return
		}
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		http.Error(w, "This API key is not accepted.", status)
	})
}

// checkKey returns the status for the caller, and when to try again.
func checkKey(r *http.Request) (int, string) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		key = ""
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	asked := map[string]string{"key": strings.TrimSpace(key), "ip": ip}
	asked["permissions"] = "invoices.read"
	body, err := json.Marshal(asked)
	if err != nil {
		return http.StatusServiceUnavailable, "5"
	}
	address := "http://127.0.0.1:3000/api/v1/keys/verify"
	request, err := http.NewRequestWithContext(r.Context(), "POST", address, bytes.NewReader(body))
	if err != nil {
		return http.StatusServiceUnavailable, "5"
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("LATCHKEY_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := latchkey.Do(request)
	if err != nil {
		return http.StatusServiceUnavailable, "5"
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusTooManyRequests {
		return http.StatusTooManyRequests, response.Header.Get("Retry-After")
	}
	type limit struct {
		ResetSeconds int `json:"reset_seconds"`
	}
	var verdict struct {
		Valid     bool   `json:"valid"`
		Code      string `json:"code"`
		RateLimit limit  `json:"rate_limit"`
		Quota     limit  `json:"quota"`
	}
	// An outage, or a mistake in this code or its key: nobody gets through.
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&verdict) != nil {
		return http.StatusServiceUnavailable, "5"
	}
	if verdict.Valid {
		return http.StatusOK, ""
	}
	switch verdict.Code {
	case "missing", "malformed", "unknown", "revoked", "disabled", "expired":
		return http.StatusUnauthorized, ""
	case "rate_limited":
		return http.StatusTooManyRequests, strconv.Itoa(verdict.RateLimit.ResetSeconds + 1)
	case "quota_exceeded":
		return http.StatusTooManyRequests, strconv.Itoa(verdict.Quota.ResetSeconds + 1)
	default:
		return http.StatusForbidden, ""
	}
}
