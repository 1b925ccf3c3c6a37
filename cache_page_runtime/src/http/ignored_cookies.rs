//! Cookies that analytics, advertising, consent banners and CDNs set in the browsers of all visitors.
//!
//! Each is documented by its vendor, and its name is too specific for the session of an application.

use super::{
    credential_words::has_credential_word,
    names::{NameList, sorted},
};

/// Returns whether a cookie is one of those that applications do not read.
///
/// Rails names a session after its application, `_shop_session`. So a name that begins like one of these is not taken for it if the rest
/// has the word of a credential: `_ga_session` is the session of an application called `ga`.
pub(super) fn is_listed(name: &str) -> bool {
    let may_end_so = |rest: &str| !name.starts_with('_') || !has_credential_word(rest.as_bytes());
    LIST.has_name(name) || LIST.after_prefix(name).is_some_and(may_end_so)
}

static LIST: NameList = NameList { names: &NAMES, prefixes: &PREFIXES };

static NAMES: [&str; 149] = sorted([
    // Google Analytics, Tag Manager, Ads and Publisher Tag: support.google.com/analytics/answer/11397207,
    // business.safety.google/adscookies.
    "_ga",
    "_gid",
    "_gat",
    "_gali",
    "_gaexp",
    "_gaexp_rc",
    "_opt_expid",
    "_opt_awcid",
    "_opt_awmid",
    "_opt_awgid",
    "_opt_awkid",
    "_opt_utmc",
    "__utma",
    "__utmb",
    "__utmc",
    "__utmt",
    "__utmv",
    "__utmx",
    "__utmxx",
    "__utmz",
    "__gads",
    "__gpi",
    "__gpi_optout",
    "__gsas",
    "FPLC",
    "FPAU",
    "FPGCLAW",
    "FPGCLDC",
    "FPGCLGB",
    "_GRECAPTCHA",
    // Meta pixel: developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc.
    "_fbp",
    "_fbc",
    // Microsoft Advertising and Clarity:
    // learn.microsoft.com/clarity/setup-and-installation/clarity-cookies.
    "_uetsid",
    "_uetvid",
    "_uetmsclkid",
    "_clck",
    "_clsk",
    // LinkedIn, TikTok, Pinterest, Snapchat, X and Reddit: the cookie tables of their advertising help.
    "li_fat_id",
    "_ttp",
    "_tt_enable_cookie",
    "_pin_unauth",
    "_derived_epik",
    "_epik",
    "_scid",
    "_scid_r",
    "_sctr",
    "_twclid",
    "_rdt_uuid",
    "_rdt_cid",
    // Matomo: matomo.org/faq/general/faq_146.
    "mtm_consent",
    "mtm_consent_removed",
    "mtm_cookie_consent",
    // Hotjar and Contentsquare: help.hotjar.com, "Cookies set by the Hotjar tracking code".
    "_hjHasCachedUserAttributes",
    "_cs_c",
    "_cs_id",
    "_cs_s",
    "_cs_mk",
    // Adobe Analytics and Experience Cloud: experienceleague.adobe.com, "Cookies used in the Experience
    // Cloud".
    "s_cc",
    "s_sq",
    "s_vi",
    "s_fid",
    "s_ecid",
    // HubSpot: knowledge.hubspot.com, "What cookies does HubSpot set in a visitor's browser". Marketo,
    // Klaviyo.
    "__hstc",
    "__hssc",
    "__hssrc",
    "hubspotutk",
    "__hs_opt_out",
    "__hs_do_not_track",
    "__hs_initial_opt_in",
    "__hs_cookie_cat_pref",
    "__hs_gpc_banner_dismiss",
    "_mkto_trk",
    "__kla_id",
    // Segment, Amplitude, Heap, Snowplow, Plausible's and others' visitor ids: the documentation of their
    // browser libraries.
    "ajs_anonymous_id",
    "ajs_user_id",
    "ajs_group_id",
    "__qca",
    "_chartbeat2",
    "_cb_svref",
    "_parsely_visitor",
    "__atuvc",
    "__atuvs",
    "cto_bundle",
    // Stripe, fraud detection: stripe.com/cookies-legal.
    "__stripe_mid",
    "__stripe_sid",
    // Cloudflare: developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies.
    // `CF_Authorization` is a credential.
    "__cf_bm",
    "_cfuvid",
    "cf_clearance",
    "__cflb",
    "__cfruid",
    "__cfduid",
    "__cfseq",
    "__cfwaitingroom",
    "cf_chl_rc_i",
    "cf_chl_rc_ni",
    "cf_chl_rc_m",
    "cf_ob_info",
    "cf_use_ob",
    // Akamai, Imperva, DataDome, HUMAN and AWS WAF: bot management.
    "_abck",
    "ak_bmsc",
    "bm_mi",
    "bm_sv",
    "bm_sz",
    "bm_so",
    "bm_lso",
    "bm_ss",
    "datadome",
    "_px2",
    "_px3",
    "_pxde",
    "_pxhd",
    "_pxvid",
    "aws-waf-token",
    // Load balancers of AWS and Azure: they choose a server, not a user.
    "AWSALB",
    "AWSALBCORS",
    "AWSALBTG",
    "AWSALBTGCORS",
    "AWSELB",
    "AWSELBCORS",
    "ARRAffinity",
    "ARRAffinitySameSite",
    "TiPMix",
    "x-ms-routing-name",
    // Consent: OneTrust, IAB TCF and GPP, Cookiebot, Osano, CookieYes, Complianz, Borlabs, Didomi,
    // TrustArc, iubenda, Klaro, tarteaucitron, django-cookie-consent.
    "OptanonConsent",
    "OptanonAlertBoxClosed",
    "OTAdditionalConsentString",
    "eupubconsent-v2",
    "euconsent-v2",
    "usprivacy",
    "addtl_consent",
    "CookieConsent",
    "CookieConsentBulkTicket",
    "cookieconsent_status",
    "cookieyes-consent",
    "viewed_cookie_policy",
    "CookieLawInfoConsent",
    "borlabs-cookie",
    "didomi_token",
    "notice_preferences",
    "notice_gdpr_prefs",
    "notice_behavior",
    "cmapi_cookie_privacy",
    "TAconsentID",
    "klaro",
    "tarteaucitron",
    "cookie_consent",
    "cookie-consent",
    "cookieconsent",
    "cookieConsent",
]);

/// Beginnings of names that end in an account, a number or a purpose.
static PREFIXES: [&str; 33] = sorted([
    // Google Analytics, Tag Manager, Ads and Publisher Tag: support.google.com/analytics/answer/11397207,
    // business.safety.google/adscookies.
    "_ga_",
    "_gat_",
    "_gac_",
    "_gcl_",
    "_dc_gtm_",
    "__utm",
    // Matomo: matomo.org/faq/general/faq_146.
    "_pk_",
    // Hotjar and Contentsquare: help.hotjar.com, "Cookies set by the Hotjar tracking code".
    "_hj",
    "_hjSession",
    "_hjSessionUser",
    "_hjUserAttributes",
    "_hjAbsoluteSession",
    "_hjIncludedInSessionSample",
    // Adobe Analytics and Experience Cloud: experienceleague.adobe.com, "Cookies used in the Experience
    // Cloud".
    "AMCV_",
    "AMCVS_",
    "kndctr_",
    // Yandex Metrica: yandex.com/support/metrica/general/cookie-usage.html. Baidu Tongji.
    "_ym_",
    "Hm_lvt_",
    "Hm_lpvt_",
    // Segment, Amplitude, Heap, Snowplow, Plausible's and others' visitor ids: the documentation of their
    // browser libraries.
    "amplitude_id_",
    "AMP_MKTG_",
    "_hp2_",
    "_sp_id.",
    "_sp_ses.",
    "_vwo_",
    "_vis_opt_",
    // Akamai, Imperva, DataDome, HUMAN and AWS WAF: bot management.
    "visid_incap_",
    "incap_ses_",
    "nlbi_",
    // Consent: OneTrust, IAB TCF and GPP, Cookiebot, Osano, CookieYes, Complianz, Borlabs, Didomi,
    // TrustArc, iubenda, Klaro, tarteaucitron, django-cookie-consent.
    "cookielawinfo-checkbox-",
    "cmplz_",
    "_iub_cs-",
    "CookieConsentBulkSetting-",
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
    fn cookies_of_browsers_are_listed() {
        for name in [
            "_ga",
            "_ga_9XK4T2",
            "_gat_gtag_UA_1_2",
            "_gid",
            "_gcl_au",
            "_gac_UA-1-2",
            "_fbp",
            "_fbc",
            "_pk_id.1.1fff",
            "_pk_ses.1.1fff",
            "__utma",
            "__utmz",
            "_hjSessionUser_123",
            "_hjSession_123",
            "_hjid",
            "_hjFirstSeen",
            "_hjIncludedInSessionSample_1",
            "_uetsid",
            "_clck",
            "AMCV_1234@AdobeOrg",
            "kndctr_1_AdobeOrg_identity",
            "__cf_bm",
            "_cfuvid",
            "cf_clearance",
            "OptanonConsent",
            "OptanonAlertBoxClosed",
            "CookieConsent",
            "AWSALB",
        ] {
            assert!(is_listed(name), "{name}");
        }
    }

    #[test]
    fn sessions_of_applications_are_not_listed() {
        for name in [
            "",
            "_",
            "id",
            "sid",
            "sessionid",
            "session",
            "PHPSESSID",
            "JSESSIONID",
            "connect.sid",
            "csrftoken",
            "XSRF-TOKEN",
            "_ga_session",
            "_gat_session",
            "_gallery_session",
            "_gazette_session",
            "_hjem_session",
            "_hjelp_session",
            "_pk_session",
            "_sp_session",
            "_ym_session",
            "_GA",
            "_ga ",
            "x_ga",
            "_fb",
            "_fbpx",
            "CF_Authorization",
            "wordpress_logged_in_1",
            "laravel_session",
            "__Host-next-auth.csrf-token",
            "ai_session",
            "remember_token",
            "cookie_consents",
        ] {
            assert!(!is_listed(name), "{name}");
        }
    }
}
