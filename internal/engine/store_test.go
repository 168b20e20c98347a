package engine

import (
	"testing"
	"time"

	"github.com/dunlin-db/dunlin/internal/store"
	"github.com/dunlin-db/dunlin/internal/store/storetest"
)

func TestStore_contract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		return New(Config{Layout: storetest.Layout, Cluster: storetest.Cluster, Epoch: "e", Clock: time.Now})
	})
}
