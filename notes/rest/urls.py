"""Paths of notes, below /v1/."""

from django.urls import URLPattern, path

from notes.rest import cards, engagement, feeds, live, media, notes

urlpatterns: list[URLPattern] = [
    path("media", media.MediaView.as_view()),
    path("notes", notes.NotesView.as_view()),
    path("notes/<int:note_id>", notes.NoteView.as_view()),
    path("notes/<int:note_id>/preview", notes.NotePreviewView.as_view()),
    path("notes/<int:note_id>/publish", notes.NotePublishView.as_view()),
    path("notes/<int:note_id>/withdraw", notes.NoteWithdrawView.as_view()),
    path("notes/<int:note_id>/ranking", notes.NoteRankingView.as_view()),
    path("notes/<int:note_id>/products", cards.NoteProductsView.as_view()),
    path("notes/<int:note_id>/products/<int:product_id>", cards.NoteProductView.as_view()),
    path("notes/<int:note_id>/like", engagement.LikeView.as_view()),
    path("notes/<int:note_id>/collect", engagement.CollectView.as_view()),
    path("notes/<int:note_id>/comments", engagement.CommentsView.as_view()),
    path("comments/<int:comment_id>", engagement.CommentView.as_view()),
    path("live-sessions", live.LiveSessionsView.as_view()),
    path("live-sessions/<int:session_id>", live.LiveSessionView.as_view()),
    path("live-sessions/<int:session_id>/start", live.LiveStartView.as_view()),
    path("live-sessions/<int:session_id>/end", live.LiveEndView.as_view()),
    path("live-sessions/<int:session_id>/cancel", live.LiveCancelView.as_view()),
    path("live-sessions/<int:session_id>/products", live.LiveProductsView.as_view()),
    path("me/notes", notes.OwnNotesView.as_view()),
    path("me/collects", feeds.CollectsView.as_view()),
    path("me/embeddable-products", cards.EmbeddableProductsView.as_view()),
    path("goods-note-applications", cards.GoodsNoteApplicationsView.as_view()),
    path("feeds/discover", feeds.DiscoverView.as_view()),
    path("feeds/follow", feeds.FollowFeedView.as_view()),
    path("feeds/nearby", feeds.NearbyView.as_view()),
    path("search", feeds.SearchView.as_view()),
    path("topics", feeds.TopicsView.as_view()),
    path("topics/<int:topic_id>/notes", feeds.TopicNotesView.as_view()),
    path("products/<int:product_id>/notes", feeds.ProductNotesView.as_view()),
    path("accounts/<str:handle>/notes", feeds.AccountNotesView.as_view()),
    path("accounts/<str:handle>/follow", engagement.FollowView.as_view()),
    path("accounts/<str:handle>/followers", engagement.FollowersView.as_view()),
    path("accounts/<str:handle>/following", engagement.FollowingView.as_view()),
]
