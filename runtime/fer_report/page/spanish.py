"""The sentences of the report in Spanish; the keys are those of `english`."""

from __future__ import annotations

from typing import Final

SPANISH: Final[dict[str, str]] = {
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
        "Cada fila es un día y cada celda un cuarto de hora; cuanto más intenso su color, más "
        "tiempo de cara. El registro solo tiene filas mientras se ve una cara: un tramo vacío "
        "puede significar que no había nadie, que faltaba la cámara o que el servicio estaba "
        "parado."
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
    "caveat_cut": "{count} ficheros comprimidos acaban antes de tiempo; se usó lo legible.",
    "details": "Los números",
    "start": "Inicio",
    "rows_files": (
        "Filas: {rows}. Ficheros: {files}. Ejecuciones del servicio: {runs}. Modelo: {models}. "
        "Filas que estaban en más de un fichero y se contaron una vez: {duplicates}."
    ),
    "made": (
        "Hecho con fer-report {version}. Ni esta página ni sus datos contienen imágenes de "
        "personas."
    ),
    "compare": "Lado a lado",
    "compare_title": "{a} y {b}",
    "compare_text": (
        "Dos partes de los registros, una junto a otra. Compare un quiosco consigo mismo o "
        "quioscos colocados igual: la luz, la distancia y el ángulo cambian las etiquetas tanto "
        "como el ánimo."
    ),
    "compare_alt": "{section}, {name}. {shares}.",
    "measure": "Medida",
    "difference": "Diferencia",
    "period_short": "{first} a {last}",
    "days_with_rows": "Días con filas",
    "gaps_count": "Huecos de {limit} o más",
    "lead_visits": (
        "Son visitas: una fila por cada estancia de una cara en el cuadro. No dicen qué siguió a "
        "qué, ni cuándo faltó la cámara."
    ),
    "lead_minutes": (
        "Son minutos: sumas de todas las caras. No dicen cuánto se quedó cada una, pero sí "
        "distinguen una sala vacía de una cámara perdida."
    ),
    "visits": "Visitas",
    "card_visits": "Visitas",
    "card_visits_note": "veces que alguien entró en el cuadro",
    "card_people": "Máximo a la vez",
    "card_people_note": "en un quiosco",
    "card_watched": "Observado",
    "card_watched_note": "con imagen que mirar",
    "card_away": "Sin cámara",
    "card_away_note": "perdida o tapada",
    "shares_records": "Parte del tiempo de cara según la etiqueta mostrada.",
    "nobody": "No se vio a nadie.",
    "stays_text": "Desde la primera detección de una cara hasta la última.",
    "share_of_visits": "parte de las visitas",
    "hours": "Hora del día",
    "hours_text": "En hora local del quiosco; cada registro cuenta en la hora en que empezó.",
    "days": "Días",
    "rows_visits": (
        "Visitas: {rows}. Ficheros: {files}. Ejecuciones del servicio: {runs}. Quioscos: "
        "{devices}. Filas repetidas que cuentan una vez: {duplicates}."
    ),
    "rows_minutes": (
        "Minutos: {rows}. Ficheros: {files}. Ejecuciones del servicio: {runs}. Quioscos: "
        "{devices}. Filas repetidas que cuentan una vez: {duplicates}."
    ),
}
