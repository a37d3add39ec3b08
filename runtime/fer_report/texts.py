"""The sentences of the report, in English and in Spanish."""

from __future__ import annotations

from typing import Final

_EN: Final = {
    "title": "Emotions in front of the camera",
    "period": "{first} to {last} · local time of the kiosk",
    "summary": (
        "{faces} faces came into view, for {time} of face time together. "
        "The label shown most was {top} ({top_share}), then {second} ({second_share}). "
        "For {uncertain} of the time no emotion was claimed."
    ),
    "summary_one": (
        "{faces} faces came into view, for {time} of face time together. "
        "The only emotion shown was {top} ({top_share}). "
        "For {uncertain} of the time no emotion was claimed."
    ),
    "card_faces": "Faces",
    "card_faces_note": "times someone came into view",
    "card_time": "Face time",
    "card_time_note": "two faces count twice",
    "card_dwell": "Median stay",
    "card_dwell_note": "nine in ten under {p90}",
    "card_valence": "Mean valence",
    "card_valence_note": "from −1 to +1, see below",
    "card_uncertain": "Uncertain",
    "card_uncertain_note": "of face time, no claim made",
    "card_most": "Most at once",
    "card_most_note": "faces in one tick of the log",
    "shares": "Which emotions",
    "shares_text": (
        "Share of face time by shown label. The last column is the mean of the raw "
        "probabilities, which needs no threshold and leaves out nothing; where it differs much "
        "from the share, trust neither far."
    ),
    "label": "Label",
    "share": "Share of face time",
    "time": "Face time",
    "probability": "Mean probability",
    "over_time": "Emotions over time",
    "over_time_text": "Above, the share of each label; below, how much face time that rests on.",
    "over_time_alt": (
        "Stacked bars of the share of each label in pieces of {width} from {first} to {last}. "
        "Overall: {shares}."
    ),
    "per_bin": "face time per {width}",
    "week": "Hour and weekday",
    "week_text": (
        "Shares by the kiosk's local time. Pale bars rest on less than {little} of face time "
        "and say little."
    ),
    "week_alt": "Stacked bars of the share of each label per hour of the day and per weekday. "
    "Busiest hour: {hour} with {hour_time} of face time; busiest weekday: {day}, {day_time}.",
    "hour": "Hour",
    "hour_axis": "hour of day",
    "weekday": "Weekday",
    "face_time": "face time",
    "faces": "Faces and how long they stayed",
    "faces_text": (
        "A face is one unbroken stay in view. Someone who leaves and comes back counts again, so "
        "this is not a number of people. A stay runs from a face's first row to its last, plus "
        "the log's interval."
    ),
    "faces_alt": (
        "Bars of faces per {width}, {faces} in all, and a histogram of stays: median {median}, "
        "nine in ten under {p90}, the longest {longest}."
    ),
    "faces_per_bin": "faces per {width}",
    "stay": "length of stay",
    "stays": "Stays",
    "share_of_faces": "share of faces",
    "under": "under {limit}",
    "over": "over {limit}",
    "valence": "Valence",
    "valence_text": (
        "Happy counts +1; angry, disgust, fear and sad count −1; neutral and surprise count 0; "
        "time without a claimed emotion is left out. This is a simple convention after the "
        "pleasure axis of Russell's circumplex model of affect (1980), not a measured scale."
    ),
    "trend_clear": (
        "The trend line goes {direction} by {slope} per {unit} (± {error}, 95 % from the scatter "
        "of the bars about it), which is more than chance alone would give."
    ),
    "trend_flat": (
        "The trend line changes by {slope} per {unit} (± {error}, 95 % from the scatter of the "
        "bars about it): no trend can be told from chance."
    ),
    "trend_none": "There are too few pieces of time with an emotion for a trend line.",
    "up": "up",
    "down": "down",
    "unit_day": "day",
    "unit_hour": "hour",
    "unit_week": "week",
    "unit_month": "4 weeks",
    "valence_alt": "Bars of mean valence over time, mean {mean}. {trend}",
    "valence_axis": "mean valence",
    "pleasant": "pleasant",
    "unpleasant": "unpleasant",
    "trend": "trend",
    "transitions": "What follows what",
    "transitions_text": (
        "When the label of a face changed, which one came next: each row adds up to 100 %. "
        "The number of changes is beside the row's name."
    ),
    "transitions_alt": (
        "Matrix of changes from one label to the next, {count} in all. The most frequent: {top}."
    ),
    "transitions_none": "No face changed its label.",
    "from": "from",
    "to": "to",
    "changes": "Changes",
    "coverage": "When there is data",
    "coverage_text": (
        "Each row is a day, each cell a quarter of an hour; the darker, the more face time. The "
        "log has rows only while a face is seen: an empty stretch can mean that nobody was "
        "there, that the camera was gone, or that the service was off."
    ),
    "coverage_alt": (
        "Calendar of face time by day and quarter of an hour, {days} days; rows in {filled} of "
        "the quarters. {gaps} gaps of {limit} or more."
    ),
    "gaps_none": "No stretch of {limit} or more is without rows.",
    "gaps_some": "{count} stretches of {limit} or more are without rows; the longest:",
    "gap_from": "Last row before",
    "gap_length": "Length",
    "gap_kind": "What the log says",
    "gap_within": "same run: nobody in view, or no camera",
    "gap_between": "service restarted in between",
    "time_of_day": "time of day",
    "caveats": "What these numbers do not mean",
    "caveat_feel": (
        "A label says what an expression looks like to a network that learnt from labelled "
        "photographs. It does not say what a person feels."
    ),
    "caveat_error": (
        "The network errs, and not evenly: fear, sad and neutral are mixed up most. Differences "
        "smaller than the error rates in the model card mean nothing. Compare one kiosk with "
        "itself over time rather than emotions with each other."
    ),
    "caveat_people": (
        "Light, distance, angle, age and face coverings change the labels. A change in any of "
        "them looks like a change of mood."
    ),
    "caveat_faces": (
        "Faces are not people: nobody is recognised, and a person who returns is counted again."
    ),
    "caveat_rows": (
        "Rows of one face follow each other closely and are not independent: a million rows of "
        "a hundred faces are a sample of a hundred."
    ),
    "caveat_models": (
        "More than one model wrote these rows ({models}). Their shares cannot be compared."
    ),
    "caveat_bad": "{count} damaged rows were left out.",
    "caveat_clock": "{count} rows from before the kiosk's clock was set were left out.",
    "caveat_cut": "{count} compressed files end too early; what could be read was used.",
    "details": "The numbers behind",
    "start": "Start",
    "rows_files": (
        "Rows: {rows}. Files: {files}. Runs of the service: {runs}. Model: {models}. Rows that "
        "were in more than one file and counted once: {duplicates}."
    ),
    "made": "Made by fer-report {version}. No picture of a person is in this page or its data.",
}

_ES: Final = {
    "title": "Emociones ante la cámara",
    "period": "{first} a {last} · hora local del quiosco",
    "summary": (
        "Se vieron {faces} caras, con {time} de tiempo de cara en total. "
        "La etiqueta más mostrada fue {top} ({top_share}), después {second} ({second_share}). "
        "Durante el {uncertain} del tiempo no se afirmó ninguna emoción."
    ),
    "summary_one": (
        "Se vieron {faces} caras, con {time} de tiempo de cara en total. "
        "La única emoción mostrada fue {top} ({top_share}). "
        "Durante el {uncertain} del tiempo no se afirmó ninguna emoción."
    ),
    "card_faces": "Caras",
    "card_faces_note": "veces que alguien entró en el cuadro",
    "card_time": "Tiempo de cara",
    "card_time_note": "dos caras cuentan doble",
    "card_dwell": "Estancia mediana",
    "card_dwell_note": "nueve de diez, menos de {p90}",
    "card_valence": "Valencia media",
    "card_valence_note": "de −1 a +1, véase abajo",
    "card_uncertain": "No claro",
    "card_uncertain_note": "del tiempo, sin afirmar nada",
    "card_most": "Máximo a la vez",
    "card_most_note": "caras en un intervalo del registro",
    "shares": "Qué emociones",
    "shares_text": (
        "Parte del tiempo de cara según la etiqueta mostrada. La última columna es la media de "
        "las probabilidades originales, que no depende de ningún umbral y no deja nada fuera; "
        "si difiere mucho de la parte, no conviene fiarse de ninguna de las dos."
    ),
    "label": "Etiqueta",
    "share": "Parte del tiempo",
    "time": "Tiempo de cara",
    "probability": "Probabilidad media",
    "over_time": "Emociones a lo largo del tiempo",
    "over_time_text": "Arriba, la parte de cada etiqueta; abajo, en cuánto tiempo se apoya.",
    "over_time_alt": (
        "Barras apiladas con la parte de cada etiqueta en tramos de {width}, de {first} a "
        "{last}. En conjunto: {shares}."
    ),
    "per_bin": "tiempo de cara por {width}",
    "week": "Hora y día de la semana",
    "week_text": (
        "Partes según la hora local del quiosco. Las barras pálidas se apoyan en menos de "
        "{little} de tiempo de cara y dicen poco."
    ),
    "week_alt": "Barras apiladas con la parte de cada etiqueta por hora y por día de la semana. "
    "Hora de más actividad: {hour}, con {hour_time}; día de más actividad: {day}, {day_time}.",
    "hour": "Hora",
    "hour_axis": "hora del día",
    "weekday": "Día",
    "face_time": "tiempo de cara",
    "faces": "Caras y duración de la estancia",
    "faces_text": (
        "Una cara es una estancia sin interrupción en el cuadro. Quien se va y vuelve cuenta "
        "otra vez, así que no es un número de personas. La estancia va de la primera fila de la "
        "cara a la última, más el intervalo del registro."
    ),
    "faces_alt": (
        "Barras con las caras por {width}, {faces} en total, e histograma de estancias: mediana "
        "{median}, nueve de diez menos de {p90}, la más larga {longest}."
    ),
    "faces_per_bin": "caras por {width}",
    "stay": "duración de la estancia",
    "stays": "Estancias",
    "share_of_faces": "parte de las caras",
    "under": "menos de {limit}",
    "over": "más de {limit}",
    "valence": "Valencia",
    "valence_text": (
        "La alegría cuenta +1; enojo, asco, miedo y tristeza cuentan −1; neutral y sorpresa "
        "cuentan 0; el tiempo sin emoción afirmada queda fuera. Es una convención simple según "
        "el eje de agrado del modelo circumplejo del afecto de Russell (1980), no una escala "
        "medida."
    ),
    "trend_clear": (
        "La línea de tendencia {direction} {slope} por {unit} (± {error}, 95 % según la "
        "dispersión de las barras), más de lo que daría el azar."
    ),
    "trend_flat": (
        "La línea de tendencia cambia {slope} por {unit} (± {error}, 95 % según la dispersión "
        "de las barras): no se distingue del azar."
    ),
    "trend_none": "Hay demasiado pocos tramos con emoción para una línea de tendencia.",
    "up": "sube",
    "down": "baja",
    "unit_day": "día",
    "unit_hour": "hora",
    "unit_week": "semana",
    "unit_month": "4 semanas",
    "valence_alt": "Barras de la valencia media en el tiempo, media {mean}. {trend}",
    "valence_axis": "valencia media",
    "pleasant": "agradable",
    "unpleasant": "desagradable",
    "trend": "tendencia",
    "transitions": "Qué sigue a qué",
    "transitions_text": (
        "Cuando la etiqueta de una cara cambió, cuál vino después: cada fila suma 100 %. El "
        "número de cambios está junto al nombre de la fila."
    ),
    "transitions_alt": (
        "Matriz de cambios de una etiqueta a la siguiente, {count} en total. El más frecuente: "
        "{top}."
    ),
    "transitions_none": "Ninguna cara cambió de etiqueta.",
    "from": "de",
    "to": "a",
    "changes": "Cambios",
    "coverage": "Cuándo hay datos",
    "coverage_text": (
        "Cada fila es un día y cada celda un cuarto de hora; cuanto más oscura, más tiempo de "
        "cara. El registro solo tiene filas mientras se ve una cara: un tramo vacío puede "
        "significar que no había nadie, que faltaba la cámara o que el servicio estaba parado."
    ),
    "coverage_alt": (
        "Calendario del tiempo de cara por día y cuarto de hora, {days} días; hay filas en "
        "{filled} de los cuartos. {gaps} huecos de {limit} o más."
    ),
    "gaps_none": "Ningún tramo de {limit} o más está sin filas.",
    "gaps_some": "{count} tramos de {limit} o más están sin filas; los más largos:",
    "gap_from": "Última fila antes",
    "gap_length": "Duración",
    "gap_kind": "Qué dice el registro",
    "gap_within": "misma ejecución: nadie a la vista, o sin cámara",
    "gap_between": "el servicio se reinició entretanto",
    "time_of_day": "hora del día",
    "caveats": "Lo que estos números no significan",
    "caveat_feel": (
        "Una etiqueta dice qué parece una expresión a una red que aprendió de fotografías "
        "etiquetadas. No dice qué siente una persona."
    ),
    "caveat_error": (
        "La red se equivoca, y no por igual: miedo, tristeza y neutral son lo que más confunde. "
        "Diferencias menores que los errores de la ficha del modelo no significan nada. Compare "
        "un quiosco consigo mismo en el tiempo, no unas emociones con otras."
    ),
    "caveat_people": (
        "La luz, la distancia, el ángulo, la edad y lo que cubre la cara cambian las etiquetas. "
        "Un cambio en cualquiera de ellos parece un cambio de ánimo."
    ),
    "caveat_faces": (
        "Las caras no son personas: no se reconoce a nadie, y quien vuelve se cuenta otra vez."
    ),
    "caveat_rows": (
        "Las filas de una cara se siguen de cerca y no son independientes: un millón de filas "
        "de cien caras son una muestra de cien."
    ),
    "caveat_models": (
        "Más de un modelo escribió estas filas ({models}). Sus partes no se pueden comparar."
    ),
    "caveat_bad": "Se dejaron fuera {count} filas dañadas.",
    "caveat_clock": (
        "Se dejaron fuera {count} filas anteriores a que el reloj del quiosco se pusiera en hora."
    ),
    "caveat_cut": "{count} archivos comprimidos acaban antes de tiempo; se usó lo legible.",
    "details": "Los números",
    "start": "Inicio",
    "rows_files": (
        "Filas: {rows}. Archivos: {files}. Ejecuciones del servicio: {runs}. Modelo: {models}. "
        "Filas que estaban en más de un archivo y se contaron una vez: {duplicates}."
    ),
    "made": (
        "Hecho con fer-report {version}. Ni esta página ni sus datos contienen imágenes de "
        "personas."
    ),
}

TEXTS: Final[dict[str, dict[str, str]]] = {"en": _EN, "es": _ES}
"""Every sentence by language and key; values in braces are put in by `words.Words.text`."""
