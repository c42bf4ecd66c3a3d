"""The tables as mapped classes; rows stay inside ``db``, ``record()`` is what leaves it.

Ids that others may keep for a while (open browser tabs, immutable addresses of pictures) are never
given out twice: those tables use AUTOINCREMENT.
"""

from db.tables.acceptance import AcceptanceRow, SpotCheckRow
from db.tables.base import Row
from db.tables.imagery import CandidateRow, ImageRow, ProjectRow
from db.tables.quality import HeadRow, InformativeRow, PromotionRow, ScoreRow
from db.tables.review import ReviewerRow, VerdictRow
from db.tables.saved_queue import SavedQueueRow
from db.tables.search import SearchHitRow, SearchRow
from db.tables.slices import SliceImageRow, SliceRow
from db.tables.story import StoryRow
from db.tables.survey import SurveyAnswerRow, SurveyPointRow, SurveyRow
from db.tables.teamwork import AdjudicationRow, LeaseRow, OverlapRow, RoleRow
from db.tables.work import JobRow

__all__ = [
    "AcceptanceRow",
    "AdjudicationRow",
    "CandidateRow",
    "HeadRow",
    "ImageRow",
    "InformativeRow",
    "JobRow",
    "LeaseRow",
    "OverlapRow",
    "ProjectRow",
    "PromotionRow",
    "ReviewerRow",
    "RoleRow",
    "Row",
    "SavedQueueRow",
    "ScoreRow",
    "SearchHitRow",
    "SearchRow",
    "SliceImageRow",
    "SliceRow",
    "SpotCheckRow",
    "StoryRow",
    "SurveyAnswerRow",
    "SurveyPointRow",
    "SurveyRow",
    "VerdictRow",
]
