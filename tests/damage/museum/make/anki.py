# A collection with notes in three scripts, tags, and some answers. Tags and names have the collation `unicase`.
from anki.collection import Collection
col = Collection("collection.anki2")
deck = col.decks.id("Geography")
basic = col.models.by_name("Basic")
for i, (front, back) in enumerate([("Capital of France", "Paris"), ("Hauptstadt von Österreich", "Wien"), ("日本の首都", "東京")] * 20):
    note = col.new_note(basic)
    note["Front"], note["Back"] = f"{front} {i}", back
    note.tags = ["Zebra", "apple", "Österreich"][i % 3:]
    col.add_note(note, deck)
col.decks.set_current(deck)
for _ in range(5):
    card = col.sched.getCard()
    col.sched.answerCard(card, 3)
col.close()
