//! Query parameters that advertising, analytics and newsletters add to links.

use super::names::{NameList, sorted};

/// Returns whether a parameter is one of those that applications do not read.
pub(super) fn is_listed(name: &str) -> bool {
    LIST.has_name(name) || LIST.after_prefix(name).is_some()
}

static LIST: NameList = NameList { names: &NAMES, prefixes: &PREFIXES };

static NAMES: [&str; 66] = sorted([
    // Google Ads and Analytics: support.google.com, "About the Google click ID", "Cross-domain measurement".
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "gad_source",
    "gad_campaignid",
    "srsltid",
    "_ga",
    "_gl",
    // Meta, Microsoft, X, TikTok, Pinterest, Snapchat, Reddit, LinkedIn, Yandex, Impact: click ids.
    "fbclid",
    "igsh",
    "igshid",
    "mibextid",
    "msclkid",
    "twclid",
    "ttclid",
    "epik",
    "ScCid",
    "sccid",
    "rdt_cid",
    "li_fat_id",
    "yclid",
    "ysclid",
    "ymclid",
    "irclickid",
    // Mailchimp, HubSpot, Marketo, Klaviyo, Vero, Omeda, Drip, Bento: newsletters.
    "mc_cid",
    "mc_eid",
    "_hsenc",
    "_hsmi",
    "__hssc",
    "__hstc",
    "__hsfp",
    "hsCtaTracking",
    "mkt_tok",
    "_ke",
    "_kx",
    "vero_id",
    "vero_conv",
    "oly_anon_id",
    "oly_enc_id",
    "__s",
    "bento_uuid",
    "ml_subscriber",
    "ml_subscriber_hash",
    "dm_i",
    // Adobe Advertising, Wicked Reports, Olark and others.
    "s_kwcid",
    "ef_id",
    "wickedid",
    "_openstat",
    "rb_clickid",
    "_branch_match_id",
    "_branch_referrer",
    "guccounter",
    "guce_referrer",
    "guce_referrer_sig",
    // Campaigns of older versions of Matomo.
    "pk_campaign",
    "pk_kwd",
    "pk_keyword",
    "pk_source",
    "pk_medium",
    "pk_content",
    "pk_cid",
    "piwik_campaign",
    "piwik_kwd",
    "piwik_keyword",
]);

static PREFIXES: [&str; 3] = sorted([
    // Campaigns: Google Analytics and Matomo.
    "utm_", "mtm_", "matomo_",
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_sorted_without_duplicates() {
        for list in [&NAMES[..], &PREFIXES] {
            assert!(list.is_sorted_by(|one, other| one < other), "{list:?}");
        }
        assert!(PREFIXES.iter().all(|prefix| prefix.len() >= 2));
    }

    #[test]
    fn parameters_that_applications_read_are_not_listed() {
        for name in ["utm_source", "utm_", "gclid", "fbclid", "msclkid", "mc_eid", "pk_campaign", "_gl"] {
            assert!(is_listed(name), "{name}");
        }
        for name in
            ["", "utm", "page", "q", "id", "ref", "source", "token", "GCLID", "gclid2", "p", "s", "pk_id"]
        {
            assert!(!is_listed(name), "{name}");
        }
    }
}
