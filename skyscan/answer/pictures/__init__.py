"""Pictures of a map and its event, by matplotlib (extra ``plots``).

Each picture is a function that draws into given axes; `skyscan.answer.pictures.files` writes
them. Colours are those of viridis and of Okabe and Ito, which colour-blind people can tell
apart.
"""
