package ring

import (
	"errors"
	"fmt"

	"github.com/dunlin-db/dunlin/internal/address"
)

// What can be wrong with a topology file. Parse wraps each in a FileError that says where.
var (
	ErrSyntax       = errors.New("not a topology file")
	ErrUnknownKey   = errors.New("unknown key")
	ErrDuplicateKey = errors.New("key given twice")
	ErrMissing      = errors.New("missing")
	ErrValue        = errors.New("bad value")
	ErrPeriod       = errors.New("period and layout contradict each other")
	ErrKeep         = errors.New("keep must be 1 or more")
	ErrRings        = errors.New("rings must ascend by from")
	ErrShards       = errors.New("shards must be 1 to 1024")
	ErrNames        = errors.New("names must be one different name per shard")
	ErrWeights      = errors.New("weights must be one number from 1 to 100 per shard")
	ErrNoNames      = errors.New("hash craigslist needs names, one per shard")
	ErrURL          = address.ErrURL
	ErrDuplicateURL = errors.New("url given twice")
	ErrNode         = errors.New("bad node name")
	ErrHold         = errors.New("hold must name different shards of the rings")
	ErrNoHolder     = errors.New("no node holds shard")
	ErrTwoStores    = errors.New("a node has redis or redis-cluster, not both")
	ErrRedisCount   = errors.New("redis needs one url per shard the node holds")
	ErrPassword     = errors.New("bad password file")
	ErrTwoPasswords = errors.New("password_file stands in auth or outside it, not both")
	ErrTLS          = errors.New("bad tls")
)

// FileError is an error at a line of the topology file.
type FileError struct {
	File string
	Line int // from 1; 0 = the file as a whole
	Err  error
}

// Error gives file:line: what.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap gives the sentinel.
func (e *FileError) Unwrap() error { return e.Err }
