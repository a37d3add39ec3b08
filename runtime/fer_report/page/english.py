"""The sentences of the report in English; values in braces are put in by `words.Words.text`."""

from __future__ import annotations

from typing import Final

ENGLISH: Final[dict[str, str]] = {
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
        "Each row is a day, each cell a quarter of an hour; the stronger its colour, the more "
        "face time. The log has rows only while a face is seen: an empty stretch can mean that "
        "nobody was there, that the camera was gone, or that the service was off."
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
    "compare": "Side by side",
    "compare_title": "{a} and {b}",
    "compare_text": (
        "Two parts of the logs beside each other. Compare one kiosk with itself, or kiosks that "
        "hang alike: light, distance and angle change the labels as much as mood does."
    ),
    "compare_alt": "{section}, {name}. {shares}.",
    "measure": "Measure",
    "difference": "Difference",
    "period_short": "{first} to {last}",
    "days_with_rows": "Days with rows",
    "gaps_count": "Gaps of {limit} or more",
    "lead_visits": (
        "These are visits: one row for each stay of a face in view. They do not tell what "
        "followed what, nor when the camera was away."
    ),
    "lead_minutes": (
        "These are minutes: sums over all faces. They do not tell how long one face stayed, but "
        "an empty room from a lost camera."
    ),
    "visits": "Visits",
    "card_visits": "Visits",
    "card_visits_note": "times someone came into view",
    "card_people": "Most at once",
    "card_people_note": "on one kiosk",
    "card_watched": "Watched",
    "card_watched_note": "with a picture to look at",
    "card_away": "Camera away",
    "card_away_note": "lost or covered",
    "shares_records": "Share of face time by shown label.",
    "nobody": "Nobody was seen.",
    "stays_text": "From the first detection of a face to its last.",
    "share_of_visits": "share of visits",
    "hours": "Hour of the day",
    "hours_text": "By the kiosk's local time; a record counts in the hour in which it began.",
    "days": "Days",
    "rows_visits": (
        "Visits: {rows}. Files: {files}. Runs of the service: {runs}. Kiosks: {devices}. Rows "
        "that were there more than once and counted once: {duplicates}."
    ),
    "rows_minutes": (
        "Minutes: {rows}. Files: {files}. Runs of the service: {runs}. Kiosks: {devices}. Rows "
        "that were there more than once and counted once: {duplicates}."
    ),
}
